"""γ and β as maps, for regions with styles of their own, made where they are needed.

At full width such maps are larger than all else that a forward pass holds. Each value is a mixture
of few vectors, so only the shares of the regions are kept.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
from torch import Tensor

from impasto.images.picture import as_float


class RegionMap:
    """A map (1, C, H, W): the vectors of regions, mixed by the regions' shares of each position.

    Args:
        vectors: (R, C).
        shares: (1, R, H, W), floats that sum to one over R, or the same in 255ths as uint8.
    """

    ndim = 4

    def __init__(self, vectors: Tensor, shares: Tensor) -> None:
        self._vectors, self._shares = vectors, shares

    @property
    def shape(self) -> torch.Size:
        """(1, C, H, W)."""
        batch, _, height, width = self._shares.shape
        return torch.Size((batch, self._vectors.shape[1], height, width))

    def __getitem__(self, index: Any) -> RegionMap:
        """Rows and columns of the map, all channels: ``map[..., rows, columns]``."""
        return RegionMap(self._vectors, self._shares[index])

    def tensor(self) -> Tensor:
        """The map itself."""
        return torch.einsum("brhw,rc->bchw", as_float(self._shares), self._vectors)


StyleMap: TypeAlias = Tensor | RegionMap
"""γ or β of a layer: (B, C), or a map (B, C, H, W)."""


def as_tensor(values: StyleMap) -> Tensor:
    """γ or β as a tensor that a map (B, C, H, W) can be multiplied with."""
    if isinstance(values, RegionMap):
        return values.tensor()
    return values if values.ndim == 4 else values[:, :, None, None]

"""The shares of regions at the layers of a network, and the parts of styles mixed by them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from impasto.images.picture import as_float, match_dtype
from impasto.networks.base import Affine, StyledNetwork
from impasto.networks.region_maps import RegionMap, as_tensor
from impasto.objective.tiles import Tile
from impasto.runtime.strips import strip_elements


def pooled_shares(
    masks: Tensor, strides: Collection[int], size: tuple[int, int]
) -> dict[int, Tensor]:
    """The regions' shares of every position, at each stride.

    Made strip by strip: masks of a large picture are large.

    Args:
        masks: (1, R, H, W) ≥ 0; uint8 counts in 255ths.
        strides: Of layers; the largest is a multiple of the others.
        size: Height and width of the padded picture, multiples of the strides. Beyond the picture
            the masks go on.

    Returns:
        Stride → (1, R, height / stride, width / stride) of the masks' type, summing to one over R.
    """
    height, width = size
    regions, step = masks.shape[1], max(strides)
    pooled = {
        stride: masks.new_empty((1, regions, height // stride, width // stride))
        for stride in strides
    }
    elements = strip_elements(masks.device)
    rows = max(1, elements // (regions * width * step)) * step
    for first in range(0, height, rows):
        last = min(height, first + rows)
        part = as_float(masks[..., first:last, :])
        part = F.pad(
            part, (0, width - part.shape[-1], 0, last - first - part.shape[-2]), mode="replicate"
        )
        shares = part / part.sum(1, keepdim=True).clamp_min(1e-6)
        for stride, maps in pooled.items():
            of_strip = F.avg_pool2d(shares, stride)
            maps[..., first // stride : last // stride, :] = match_dtype(of_strip, maps)
    return pooled


class StyleMaps(Mapping[str, tuple[Any, ...]]):
    """The parts of a tile's style as maps: vectors mixed by the regions' shares of each position.

    γ and β are made where they are needed: whole, they are larger than all else that a forward pass
    holds.

    Args:
        parts: Of the regions' vectors, (R, C) each.
        network: Whose parts they are.
        pooled: See :func:`pooled_shares`; of the network's ``share_strides``.
        tile: The tile.
    """

    def __init__(
        self, parts: Affine, network: StyledNetwork, pooled: Mapping[int, Tensor], tile: Tile
    ) -> None:
        self._parts, self._network, self._pooled, self._tile = parts, network, pooled, tile

    def __getitem__(self, name: str) -> tuple[Any, ...]:
        if name in self._network.by_region:
            return (*self._parts[name], self._shares(1))
        shares = self._shares(self._network.strides[name])
        maps = tuple(RegionMap(part, shares) for part in self._parts[name])
        return maps if name in self._network.modulated else tuple(map(as_tensor, maps))

    def _shares(self, stride: int) -> Tensor:
        rows, columns = (
            slice(span[0] // stride, span[1] // stride)
            for span in (self._tile.outer_rows, self._tile.outer_columns)
        )
        return self._pooled[stride][..., rows, columns]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

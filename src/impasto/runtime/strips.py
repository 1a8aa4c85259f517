"""Large tensors strip by strip, to keep temporary copies small."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

STRIP_ELEMENTS, GPU_STRIP_ELEMENTS = 2**20, 2**26
"""Elements of a strip, for work that treats each element alone; on a GPU, where every strip starts
some kernels, no fewer than keep it busy."""


def strip_elements(device: torch.device) -> int:
    """Elements of a strip on a device."""
    return STRIP_ELEMENTS if device.type == "cpu" else GPU_STRIP_ELEMENTS


class HasRows(Protocol):
    """A tensor, or what is cut like one."""

    @property
    def shape(self) -> torch.Size:
        """(…, H, W)."""

    def __getitem__(self, index: Any, /) -> Any:
        """A part of it."""


def strips(
    x: Tensor, *others: HasRows, max_elements: int | None = None
) -> Iterator[tuple[Any, ...]]:
    """Views of consecutive rows of a map, with the same rows of other maps.

    Args:
        x: (…, H, W).
        *others: Maps of the same height; a map of height 1 is passed whole with every strip.
        max_elements: Of ``x`` in a strip (at least one row); by default those of its device.

    Yields:
        A view of ``x`` and one of each other map.
    """
    height = x.shape[-2]
    elements = max_elements or strip_elements(x.device)
    rows = max(1, elements * height // max(1, x.numel()))
    for first in range(0, height, rows):
        part = slice(first, first + rows)
        yield tuple(y if y.shape[-2] == 1 else y[..., part, :] for y in (x, *others))

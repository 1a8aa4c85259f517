"""Large maps computed band by band, so that intermediate results take little memory.

For a picture of 100 megapixels even the maps at a quarter of its size take a gigabyte. A step that
first makes a padded or float32 copy takes as much again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from impasto.runtime.tracing import needs_plain_operations

MAX_UNITS = 2**15
"""Approximate size of a band in units: at a quarter of the picture's size, half a megapixel."""


class Band(NamedTuple):
    """Consecutive rows of a map, and the halo of rows around them that they depend on.

    Attributes:
        rows: First row, and one past the last.
        outer_rows: The same with the halo.
    """

    rows: tuple[int, int]
    outer_rows: tuple[int, int]

    def with_halo(self, x: Tensor, scale: int = 1) -> Tensor:
        """A view of the band with its halo in a map (B, C, H, W), ``scale`` times as large."""
        first, last = self.outer_rows
        return x[:, :, scale * first : scale * last]

    def without_halo(self, x: Tensor, scale: int = 1) -> Tensor:
        """A view of the band in what was computed from the band with its halo."""
        first = scale * (self.rows[0] - self.outer_rows[0])
        return x[:, :, first : first + scale * (self.rows[1] - self.rows[0])]

    def rows_of(self, x: Tensor, scale: int = 1) -> Tensor:
        """A view of the band in a whole map."""
        first, last = self.rows
        return x[:, :, scale * first : scale * last]


def plan_bands(size: tuple[int, int], *, halo: int) -> list[Band]:
    """Bands of nearly equal height that cover a map; a single one for a small map.

    Args:
        size: Height and width of the map.
        halo: Rows on either side, an even number. The first row of every band is even, too.
    """
    height, width = size
    if needs_plain_operations():
        return [Band((0, height), (0, height))]
    count = min(-(-height * width // MAX_UNITS), max(1, height // 2))
    edges = [2 * (height * index // count // 2) for index in range(count)]
    spans = zip(edges, [*edges[1:], height], strict=True)
    return [Band((a, b), (max(0, a - halo), min(height, b + halo))) for a, b in spans]


def in_bands(size: tuple[int, int], compute: Callable[[Band], Tensor], *, halo: int) -> Tensor:
    """A map computed band by band, or at once if it is small.

    Args:
        size: Height and width of the map.
        compute: Band → result for the band and its halo, (B, C, h, W).
        halo: See :func:`plan_bands`.

    Returns:
        (B, C, H, W), channels last.
    """
    first, *others = plan_bands(size, halo=halo)
    x = compute(first)
    if not others:
        return x
    result = x.new_empty((len(x), *size, x.shape[1])).permute(0, 3, 1, 2)
    first.rows_of(result).copy_(first.without_halo(x))
    for band in others:
        band.rows_of(result).copy_(band.without_halo(compute(band)))
    return result

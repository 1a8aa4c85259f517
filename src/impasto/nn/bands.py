"""Large maps band by band, so that what is made of them on the way takes little memory.

Of a picture of 100 megapixels even the maps at a quarter of its size take a gigabyte, and a step
that first makes a padded copy, or a float32 one, takes as much again each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

LARGEST = 2**15
"""Units of a band's map, about: of a picture seen at a quarter, half a megapixel."""


class Band(NamedTuple):
    """Some rows of a map, and as many on either side as are seen from there.

    Attributes:
        rows: First, and behind the last.
        outer: Likewise, of the band with what lies around it.
    """

    rows: tuple[int, int]
    outer: tuple[int, int]

    def cut(self, x: Tensor, times: int = 1) -> Tensor:
        """The outer band of a map (B, C, H, W) that is ``times`` as large: a view."""
        first, last = self.outer
        return x[:, :, times * first : times * last]

    def core(self, x: Tensor, times: int = 1) -> Tensor:
        """The band itself of what was made of the outer one: a view."""
        first = times * (self.rows[0] - self.outer[0])
        return x[:, :, first : first + times * (self.rows[1] - self.rows[0])]

    def part(self, x: Tensor, times: int = 1) -> Tensor:
        """Where the band lies in the whole map: a view."""
        first, last = self.rows
        return x[:, :, times * first : times * last]


def plan_bands(size: tuple[int, int], *, halo: int) -> list[Band]:
    """Bands of nearly equal height that make up a map; one band for a small one.

    Args:
        size: Height and width of the map.
        halo: Rows on either side; even, as the first rows of all bands are.
    """
    height, width = size
    count = min(-(-height * width // LARGEST), max(1, height // 2))
    edges = [2 * (height * index // count // 2) for index in range(count)]
    spans = zip(edges, [*edges[1:], height], strict=True)
    return [Band((a, b), (max(0, a - halo), min(height, b + halo))) for a, b in spans]


def in_bands(size: tuple[int, int], make: Callable[[Band], Tensor], *, halo: int) -> Tensor:
    """A map that is made band by band, or in one go if it is small.

    Args:
        size: Height and width of the map.
        make: Band → what is made of it with its halo, (B, C, h, W).
        halo: See :func:`plan_bands`.

    Returns:
        (B, C, H, W), channels last.
    """
    first, *others = plan_bands(size, halo=halo)
    x = make(first)
    if not others:
        return x
    made = x.new_empty((len(x), *size, x.shape[1])).permute(0, 3, 1, 2)
    first.part(made).copy_(first.core(x))
    for band in others:
        band.part(made).copy_(band.core(make(band)))
    return made

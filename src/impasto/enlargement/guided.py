"""A small painting carried to the size of its photograph, with the photograph's edges.

A pyramid of the photograph, each level half as large as the next, leads the way: the painting is
brought to the size of the smallest level, gets its edges, and is doubled until it is as large as
the photograph (:mod:`impasto.enlargement.steps`). It is done in tiles with margins, so that
memory hardly grows with the picture, and the result does not depend on the tiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.enlargement.steps import (
    MARGIN,
    SHARPENINGS,
    Part,
    cut,
    doubled,
    refined,
    sharpened,
)
from impasto.images.picture import as_float, match_dtype
from impasto.images.resampling import resampled
from impasto.objective.tiles import plan_tiles
from impasto.runtime.devices import CPU
from impasto.runtime.strips import STRIP_ELEMENTS

SIDE, GPU_SIDE = 1024, 4096
"""Side of a tile's core in pixels: on a CPU most of its maps stay in the cache."""

_FINE_LEVELS = 3
"""Levels of the photograph that are made tile by tile; the smaller ones take little memory."""

_TILE_BYTES = 48.0
"""Bytes a pixel of a tile: the photograph and the painting in floats, and copies of them."""

_MOST_FLOATS = 4e6
"""Pixels from which the painting is held in bytes between the steps, if the photograph is."""

_MASK_EDGE = 0.5
"""What a step from one region to another counts as, as a difference in colour."""


@dataclass(frozen=True)
class Detail:
    """What of the photograph shows through a weak style, beside what the painting shows of it.

    Attributes:
        share: 1 − strength.
        picture: Rows of the photograph → the rows that the network was given, both (1, 3, h, W).
    """

    share: float
    picture: Callable[[Tensor], Tensor]


def carried(
    painted: Tensor,
    reduced: Tensor,
    original: Tensor,
    *,
    masks: Tensor | None = None,
    detail: Detail | None = None,
    progress: Callable[[float], None] = lambda share: None,
) -> Tensor:
    """A small painting at the size of its photograph.

    Args:
        painted: (1, 3, h, w), float in [0, 1] or uint8.
        reduced: The photograph at that size.
        original: The photograph, (1, 3, H, W), no smaller.
        masks: Of regions, (1, R, H, W) in [0, 1] or uint8: their edges are kept as the
            photograph's are.
        detail: See :class:`Detail`; none for a style at full strength.
        progress: Called with the share of the work that is done.

    Returns:
        (1, 3, H, W) of the original's type.
    """
    size = (original.shape[-2], original.shape[-1])
    levels = level_count(size, (painted.shape[-2], painted.shape[-1]))
    sizes = [tuple(-(-length // (1 << levels - n)) for length in size) for n in range(levels + 1)]
    maps = _Maps(*(at_size(x, sizes[0], original.dtype) for x in (painted, reduced)))
    result = torch.empty_like(original)
    coarse = _CoarseGuide(original, masks, levels)
    tiles = plan_tiles(size, _side(original.device), stride=1 << levels, halo=0)
    for number, tile in enumerate(tiles):
        parts = _parts((slice(*tile.rows), slice(*tile.columns)), sizes)
        guide = _Guide(coarse, parts)
        part = _first_level(maps, guide, parts[0], detail)
        for level in range(1, levels + 1):
            part = _next_level(part, guide, level, parts)
        if detail is not None:
            part = part + detail.share * detail.picture(as_float(tile.part(original, 1)))
        tile.part(result, 1).copy_(match_dtype(part.clamp_(0, 1), result))
        progress((number + 1) / len(tiles))
    return result


def carried_bytes(
    size: tuple[int, int], small: tuple[int, int], itemsize: int, regions: int
) -> float:
    """Bytes that :func:`carried` takes, the pictures that it is given not counted.

    Args:
        size: Height and width of the photograph.
        small: Of the painting.
        itemsize: Bytes of one value of the photograph: 4, or 1 for uint8.
        regions: Number of masks.
    """
    levels = level_count(size, small)
    base = math.ceil(size[0] / (1 << levels)) * math.ceil(size[1] / (1 << levels))
    maps = 2 * 3 * map_itemsize(base, itemsize) * base
    fine = min(levels, _FINE_LEVELS)
    coarse = 0.0
    if levels:
        coarse = 4 * (3 + regions) * size[0] * size[1] * 4 / 3 / (1 << 2 * fine)
    side = _side(CPU) + (2 * (2 * MARGIN + 1) << fine)
    tile = min(size[0], side) * min(size[1], side)
    painted = 3 * itemsize * size[0] * size[1]
    return painted + 1.5 * maps + coarse + (_TILE_BYTES + 8 * regions) * tile


def at_size(picture: Tensor, size: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """A picture at another height and width, not clipped in floats.

    Args:
        picture: (1, 3, H, W), float in [0, 1] or uint8.
        size: The new height and width.
        dtype: Of the photograph: if it is held in bytes, a large result is too.
    """
    in_bytes = map_itemsize(size[0] * size[1], dtype.itemsize) == 1
    return resampled(picture, (size[0], size[1]), torch.uint8 if in_bytes else torch.float32)


def level_count(size: tuple[int, int], small: tuple[int, int]) -> int:
    """How often a painting is doubled: its enlargement before that is 0.8 to 1.6."""
    enlargement: float = math.sqrt(size[0] * size[1] / (small[0] * small[1]))
    return max(0, math.floor(math.log2(enlargement) + 0.3))


@dataclass(frozen=True)
class _Maps:
    """The painting and the reduced photograph at the size of the smallest level."""

    painted: Tensor
    reduced: Tensor


class _CoarseGuide:
    """The photograph and the masks at their smaller levels.

    Args:
        original: The photograph.
        masks: Of the regions, or None.
        levels: Number of halvings to the smallest level.

    Attributes:
        last: The largest of the levels that are held.
        maps: Level → (1, 3 + R, h, w), the smallest first; none if all levels are the largest.
    """

    def __init__(self, original: Tensor, masks: Tensor | None, levels: int) -> None:
        self._original, self._masks = original, masks
        self.levels, fine = levels, min(levels, _FINE_LEVELS)
        self.last = levels - fine
        self.maps: list[Tensor] = []
        if not levels:
            return
        height, width = original.shape[-2:]
        rows = max(1, STRIP_ELEMENTS // width >> fine) << fine
        whole = [
            _halved(self.full((slice(top, top + rows), slice(0, width))), fine)
            for top in range(0, height, rows)
        ]
        self.maps.append(torch.cat(whole, -2))
        for _ in range(self.last):
            self.maps.insert(0, _halved(self.maps[0]))

    def full(self, part: Part) -> Tensor:
        """A part of the largest level."""
        picture = as_float(cut(self._original, part))
        if self._masks is None:
            return picture
        return torch.cat([picture, _MASK_EDGE * as_float(cut(self._masks, part))], 1)


class _Guide:
    """The photograph and the masks around a tile at every level.

    Args:
        coarse: The smaller levels.
        parts: What is needed of every level.
    """

    def __init__(self, coarse: _CoarseGuide, parts: Sequence[Part]) -> None:
        fine = coarse.levels - coarse.last
        part = parts[coarse.last]
        self._coarse, self._first = coarse, (part[0].start, part[1].start)
        self._fine: list[Tensor] = []
        if fine:
            rows, columns = (slice(s.start << fine, s.stop << fine) for s in part)
            self._fine.append(coarse.full((rows, columns)))
        for _ in range(fine - 1):
            self._fine.insert(0, _halved(self._fine[0]))

    def cut(self, level: int, part: Part) -> Tensor:
        """A part of a level, (1, 3 + R, h, w)."""
        beyond = level - self._coarse.last
        if not self._coarse.levels:
            return self._coarse.full(part)
        if beyond <= 0:
            return cut(self._coarse.maps[level], part)
        rows, columns = (
            slice(s.start - (first << beyond), s.stop - (first << beyond))
            for s, first in zip(part, self._first, strict=True)
        )
        return cut(self._fine[beyond - 1], (rows, columns))


def _parts(part: Part, sizes: Sequence[tuple[int, ...]]) -> list[Part]:
    """What is needed of every level for a part of the largest, margins included."""
    parts = [part]
    for size in reversed(sizes[:-1]):
        rows, columns = (slice(s.start // 2, -(-s.stop // 2)) for s in parts[0])
        parts.insert(0, _grown((rows, columns), MARGIN, size))
    return parts


def _grown(part: Part, margin: int, size: Sequence[int]) -> Part:
    """A part with a margin, as far as the map of that size has one."""
    rows, columns = (
        slice(max(0, s.start - margin), min(length, s.stop + margin))
        for s, length in zip(part, size, strict=True)
    )
    return rows, columns


def _within(inner: Part, outer: Part) -> Part:
    """A part in the coordinates of another that contains it."""
    rows, columns = (
        slice(i.start - o.start, i.stop - o.start) for i, o in zip(inner, outer, strict=True)
    )
    return rows, columns


def _first_level(maps: _Maps, guide: _Guide, part: Part, detail: Detail | None) -> Tensor:
    """The painting at the size of the smallest level, with the photograph's edges."""
    outer = _grown(part, 1, maps.painted.shape[-2:])
    painted, seen = (as_float(cut(x, outer)) for x in (maps.painted, maps.reduced))
    if detail is not None:
        painted = painted - detail.share * detail.picture(seen)
    target = guide.cut(0, outer)
    if target.shape[1] > seen.shape[1]:
        seen = torch.cat([seen, target[:, seen.shape[1] :]], 1)
    return cut(refined(painted, seen, target), _within(part, outer))


def _next_level(painted: Tensor, guide: _Guide, level: int, parts: Sequence[Part]) -> Tensor:
    """A part of one level from the part of the level before."""
    for _ in range(SHARPENINGS):
        painted = sharpened(painted)
    rows, columns = (slice(2 * s.start, 2 * s.stop) for s in parts[level - 1])
    twice = (rows, columns)
    large = doubled(painted, guide.cut(level - 1, parts[level - 1]), guide.cut(level, twice))
    return cut(large, _within(parts[level], twice))


def map_itemsize(pixels: int, itemsize: int) -> int:
    """Bytes of one value of a picture that :func:`at_size` makes."""
    return 1 if itemsize == 1 and pixels > _MOST_FLOATS else 4


def _side(device: torch.device) -> int:
    """Side of a tile's core."""
    return SIDE if device.type == "cpu" else GPU_SIDE


def _halved(x: Tensor, times: int = 1) -> Tensor:
    """Means of two by two values of (1, C, H, W), the last row and column repeated if it is odd."""
    for _ in range(times):
        down, right = x.shape[-2] % 2, x.shape[-1] % 2
        if down or right:
            x = F.pad(x, (0, right, 0, down), mode="replicate")
        rows = x[..., ::2, :] + x[..., 1::2, :]
        x = (rows[..., ::2] + rows[..., 1::2]) / 4
    return x

"""A one-pass network over a picture of any size, tile by tile, with the same result as at once.

Only normalization connects tiles: each map's moments are those of the whole picture. So the forward
pass of every tile runs up to its next map (see :mod:`impasto.networks.normalization`), the moments
of all tiles are added, and all continue. Paused passes hold their maps, so memory grows with the
picture, if less than at once. Where that is too much, no pass is paused: every tile is recomputed
from the start for every map, up to the first whose moments are not known yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor

from impasto.networks.base import Affine, StyledNetwork
from impasto.networks.normalization import (
    MomentFilter,
    Moments,
    StagedForward,
    moments_of,
    own_moments,
    run_staged,
)
from impasto.objective.tiles import Tile, plan_tiles
from impasto.runtime.devices import as_widest_float
from impasto.runtime.memory import return_unused_pages
from impasto.runtime.strips import STRIP_ELEMENTS

TileStyle = Callable[[Tile], Affine]
"""Tile → γ and β of its maps; where they are maps themselves, they cover core and halo."""

SIDE = 1024
"""Side of a tile's core in pixels where memory allows: the halo is then a third of the work."""

MIN_SIDE = 128
"""Smallest side of a tile's core: below it a tile is mostly halo."""


class Schedule(Enum):
    """How the tiles of a picture are computed."""

    WHOLE = "whole"
    PAUSED = "paused"
    RECOMPUTED = "recomputed"


SMALLEST = Schedule.RECOMPUTED, MIN_SIDE
"""The schedule and the side that take least memory."""


@dataclass(frozen=True)
class MemoryModel:
    """The memory that painting a picture takes.

    Attributes:
        network: Paints.
        size: Height and width of the picture.
        itemsize: Bytes of one value of the picture: 4, or 1 for uint8.
        regions: Number of regions with styles of their own; 0 if there is one style.
        mask_itemsize: Bytes of one value of their masks: 4, or 1 for uint8.
    """

    network: StyledNetwork
    size: tuple[int, int]
    itemsize: int = 4
    regions: int = 0
    mask_itemsize: int = 4

    def bytes(self, schedule: Schedule, side: int) -> float:
        """Bytes that painting in tiles of a side takes (measured: tests/onepass/test_tiling.py)."""
        pixels, network = self.size[0] * self.size[1], self.network
        areas = [pixels]
        if schedule is not Schedule.WHOLE:
            tiles = plan_tiles(self.size, side, stride=network.stride, halo=network.halo)
            areas = [_length(tile.outer_rows) * _length(tile.outer_columns) for tile in tiles]
        values = network.peak_values(max(areas))
        if schedule is Schedule.PAUSED:
            values += network.held_values * sum(areas)
        painted = 3 * self.itemsize * pixels
        return painted + network.dtype.itemsize * values + self._style_map_bytes(max(areas))

    def _style_map_bytes(self, area: int) -> float:
        """Bytes of the regions' shares at all strides, and of γ and β of a few rows."""
        if not self.regions:
            return 0.0
        network = self.network
        strides = network.share_strides
        shares = self.mask_itemsize * self.regions * sum(1 / stride**2 for stride in strides)
        maps = network.style_map_values * area
        if network.maps_in_bands:
            maps = min(maps, 4 * STRIP_ELEMENTS)
        return shares * self.size[0] * self.size[1] + 4 * maps


def choose_schedule(model: MemoryModel, memory: float) -> tuple[Schedule, int]:
    """The fastest schedule that fits, and the side of its tiles.

    Args:
        model: Of the picture to be painted.
        memory: Bytes that the network, and the painted picture, may take.
    """
    for schedule, side in ((Schedule.WHOLE, max(model.size)), (Schedule.PAUSED, SIDE)):
        if model.bytes(schedule, side) <= memory:
            return schedule, side
    side = SIDE
    while side > MIN_SIDE and model.bytes(Schedule.RECOMPUTED, side) > memory:
        side //= 2
    return Schedule.RECOMPUTED, side


@torch.no_grad()
def paint_tiled(
    network: StyledNetwork,
    image: Tensor,
    tile_style: TileStyle,
    *,
    schedule: Schedule,
    side: int,
    filter_moments: MomentFilter = own_moments,
    progress: Callable[[float], None] = lambda share: None,
) -> Tensor:
    """The picture that ``network`` paints.

    Args:
        network: Paints.
        image: (1, 3, H, W) in [0, 1], height and width multiples of the network's stride. Or uint8,
            which counts in 255ths: a large picture need not be held in float32.
        tile_style: Tile → γ and β.
        schedule: How tiles are computed.
        side: Of a tile's core.
        filter_moments: Called once for each map, in their order, with the moments of the picture.
        progress: Called with the share of the work that is done, up to 1.

    Returns:
        (1, 3, H, W) in [0, 1]; uint8 for a uint8 picture.
    """
    height, width = image.shape[-2:]
    tiles = plan_tiles((height, width), side, stride=network.stride, halo=network.halo)
    if schedule is Schedule.WHOLE:
        tiles = plan_tiles((height, width), max(height, width), stride=network.stride, halo=0)

    def start(tile: Tile) -> StagedForward:
        origin = tile.outer_rows[0], tile.outer_columns[0]
        return network.staged_forward(tile.cut(image), tile_style(tile), origin=origin)

    if len(tiles) == 1:
        painted = run_staged(start(tiles[0]), filter_moments)
        progress(1.0)
        return painted
    painted = torch.empty_like(image)

    def finish(tile: Tile, result: Tensor) -> None:
        tile.part(painted, 1).copy_(tile.core(result, 1))

    run = _run_paused if schedule is Schedule.PAUSED else _run_recomputed
    run(tiles, start, finish, filter_moments, progress)
    return painted


def _run_paused(
    tiles: Sequence[Tile],
    start: Callable[[Tile], StagedForward],
    finish: Callable[[Tile, Tensor], None],
    filter_moments: MomentFilter,
    progress: Callable[[float], None],
) -> None:
    """All tiles advance together, one map at a time."""
    passes: list[StagedForward | None] = [start(tile) for tile in tiles]
    moments: Moments | None = None
    stages = 0
    while any(passes):
        parts: list[Moments] = []
        for index, tile in enumerate(tiles):
            current = passes[index]
            assert current is not None
            try:
                x = next(current) if moments is None else current.send(moments)
            except StopIteration as end:
                finish(tile, end.value)
                passes[index] = None
            else:
                parts.append(_weighted_moments(tile, x))
                del x  # the paused pass holds the map
        stages += 1
        progress(1 - 0.8**stages if any(passes) else 1.0)
        moments = filter_moments(stages - 1, _sum(parts)) if parts else None


def _run_recomputed(
    tiles: Sequence[Tile],
    start: Callable[[Tile], StagedForward],
    finish: Callable[[Tile, Tensor], None],
    filter_moments: MomentFilter,
    progress: Callable[[float], None],
) -> None:
    """One tile at a time, from the start to the first map whose moments are unknown."""
    known: list[Moments] = []
    while True:
        parts = []
        for tile in tiles:
            current = start(tile)
            try:
                x = next(current)
                for moments in known:
                    x = current.send(moments)
            except StopIteration as end:
                finish(tile, end.value)
            else:
                parts.append(_weighted_moments(tile, x))
                del x
            current.close()
            return_unused_pages()  # maps of other sizes than the last tile's leave gaps
        progress(1 - 0.9 ** len(known) if parts else 1.0)
        if not parts:
            return
        known.append(filter_moments(len(known), _sum(parts)))


def _weighted_moments(tile: Tile, x: Tensor) -> Moments:
    """A tile's part in the moments of the whole map."""
    stride = (tile.outer_rows[1] - tile.outer_rows[0]) // x.shape[-2]
    mean, square = moments_of(tile.core(x, stride))
    share = tile.share(stride)
    return Moments(share * mean, share * square)


def _sum(parts: Sequence[Moments]) -> Moments:
    mean, square = (as_widest_float(torch.stack(v)).sum(0).float() for v in zip(*parts))  # noqa: B905
    return Moments(mean, square)


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0]

"""A one-pass network over a picture of any size, tile by tile, to the same picture.

What ties tiles together is normalization: each map's moments are those of the whole picture. Each
tile's walk is taken to its next map, the moments of all tiles are added up, and all go on. Walks
that wait hold their maps, so this takes memory in proportion to the picture, if less than the whole
would; where even that is too much, no walk waits: every tile walks anew for every map, up to the
first whose moments are not known yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor

from impasto.networks.base import Affine, StyledNetwork
from impasto.networks.normalization import Moments, StagedForward, moments_of, run_staged
from impasto.objective.tiles import Tile, plan_tiles

StyleOf = Callable[[Tile], Affine]
"""Tile → what its maps are scaled and shifted by; maps of core and halo where masks are used."""

SIDE = 1024
"""Of a tile's core where memory allows: the halo is then a third of the work."""

LEAST_SIDE = 128
"""Below it a tile is little but halo."""


class Plan(Enum):
    """How the tiles of a picture are walked."""

    WHOLE = "whole"
    WAITING = "waiting"
    ANEW = "anew"


@dataclass(frozen=True)
class Job:
    """What is to be painted, as far as memory goes.

    Attributes:
        network: Paints.
        size: Height and width of the picture.
        of_picture: Bytes of one of its numbers: 4, or 1 for uint8.
        by_place: Whether γ and β differ from place to place, and so are maps.
    """

    network: StyledNetwork
    size: tuple[int, int]
    of_picture: int = 4
    by_place: bool = False

    def memory(self, plan: Plan, side: int) -> float:
        """Bytes that painting takes, about (measured: see tests/test_tiled.py).

        Args:
            plan: How.
            side: Of a tile's core.
        """
        pixels, network = self.size[0] * self.size[1], self.network
        regions = [pixels]
        if plan is not Plan.WHOLE:
            tiles = plan_tiles(self.size, side, stride=network.stride, halo=network.halo)
            regions = [_length(tile.outer_rows) * _length(tile.outer_columns) for tile in tiles]
        numbers = network.busy(max(regions))
        if plan is Plan.WAITING:
            numbers += network.held * sum(regions)
        of_style = 4 * network.of_style * max(regions) if self.by_place else 0.0
        return 3 * self.of_picture * pixels + network.dtype.itemsize * numbers + of_style


def choose(job: Job, memory: float) -> tuple[Plan, int]:
    """The quickest plan that fits, and the side of its tiles.

    Args:
        job: What is to be painted.
        memory: Bytes that walks, and the painted picture, may take.
    """
    for plan, side in ((Plan.WHOLE, max(job.size)), (Plan.WAITING, SIDE)):
        if job.memory(plan, side) <= memory:
            return plan, side
    side = SIDE
    while side > LEAST_SIDE and job.memory(Plan.ANEW, side) > memory:
        side //= 2
    return Plan.ANEW, side


@torch.no_grad()
def paint_tiled(
    network: StyledNetwork,
    image: Tensor,
    style_of: StyleOf,
    *,
    plan: Plan,
    side: int,
    done: Callable[[float], None] = lambda share: None,
) -> Tensor:
    """The picture that ``network`` paints.

    Args:
        network: Paints.
        image: (1, 3, H, W) in [0, 1], height and width multiples of the network's stride; uint8
            is taken as 255ths, so that a large picture need not lie there in float32.
        style_of: Tile → γ and β.
        plan: How.
        side: Of a tile's core.
        done: Called with the share of the work that is done.

    Returns:
        (1, 3, H, W) in [0, 1]; uint8 for a uint8 picture.
    """
    height, width = image.shape[-2:]
    tiles = plan_tiles((height, width), side, stride=network.stride, halo=network.halo)
    if plan is Plan.WHOLE:
        tiles = plan_tiles((height, width), max(height, width), stride=network.stride, halo=0)

    def walk(tile: Tile) -> StagedForward:
        origin = tile.outer_rows[0], tile.outer_columns[0]
        return network.walk(tile.cut(image), style_of(tile), origin=origin)

    if len(tiles) == 1:
        painted = run_staged(walk(tiles[0]))
        done(1.0)
        return painted
    painted = torch.empty_like(image)

    def keep(tile: Tile, result: Tensor) -> None:
        tile.part(painted, 1).copy_(tile.core(result, 1))

    if plan is Plan.WAITING:
        _wait(tiles, walk, keep, done)
    else:
        _anew(tiles, walk, keep, done)
    return painted


def _wait(
    tiles: Sequence[Tile],
    walk: Callable[[Tile], StagedForward],
    keep: Callable[[Tile, Tensor], None],
    done: Callable[[float], None],
) -> None:
    walks: list[StagedForward | None] = [walk(tile) for tile in tiles]
    known: Moments | None = None
    steps = 0
    while any(walks):
        totals: list[Moments] = []
        for index, tile in enumerate(tiles):
            current = walks[index]
            assert current is not None
            try:
                x = next(current) if known is None else current.send(known)
            except StopIteration as end:
                keep(tile, end.value)
                walks[index] = None
            else:
                totals.append(_share(tile, x))
                del x  # the walk itself holds the map
        steps += 1
        done(1 - 0.8**steps if any(walks) else 1.0)
        known = _added(totals) if totals else None


def _anew(
    tiles: Sequence[Tile],
    walk: Callable[[Tile], StagedForward],
    keep: Callable[[Tile, Tensor], None],
    done: Callable[[float], None],
) -> None:
    known: list[Moments] = []
    while True:
        totals = []
        for tile in tiles:
            current = walk(tile)
            try:
                x = next(current)
                for moments in known:
                    x = current.send(moments)
            except StopIteration as end:
                keep(tile, end.value)
            else:
                totals.append(_share(tile, x))
                del x
            current.close()
        done(1 - 0.9 ** len(known) if totals else 1.0)
        if not totals:
            return
        known.append(_added(totals))


def _share(tile: Tile, x: Tensor) -> Moments:
    """What a tile's map adds to the moments of the whole."""
    stride = (tile.outer_rows[1] - tile.outer_rows[0]) // x.shape[-2]
    mean, square = moments_of(tile.core(x, stride))
    share = tile.share(stride)
    return Moments(share * mean, share * square)


def _added(parts: Sequence[Moments]) -> Moments:
    mean, square = (torch.stack(values).double().sum(0).float() for values in zip(*parts))  # noqa: B905
    return Moments(mean, square)


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0]

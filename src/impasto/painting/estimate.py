"""What a painting will cost, told before it starts."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from impasto.encoders.vgg import Encoder
from impasto.objective.tiles import halo_of
from impasto.painting import cost_model
from impasto.painting.painter import Painter
from impasto.painting.pyramid import Stage

# Evaluations of the objective in one step of each optimizer, counted over paintings: the line
# search of L-BFGS now and then needs a second one.
_EVALUATIONS = {"lbfgs": 1.15, "adam": 1.0}

_PROBE = 256
"""Pixels: the largest long side that is tried out before the start."""


@dataclass(frozen=True)
class Estimate:
    """Of one painting.

    Attributes:
        seconds: Of the steps still to be made, on this machine as busy as it is now.
        bytes: Peak memory of the process.
        side: Of the tiles that the largest size is painted in; None for the whole at once.
    """

    seconds: float
    bytes: float
    side: int | None = None


def estimate(painter: Painter) -> Estimate:
    """Time from one evaluation at a small size, memory from the encoder's feature maps."""
    stages = painter.stages
    # At the very smallest sizes most of the time is not the pixels'.
    probe = next((s.size for s in reversed(stages) if max(s.size) <= _PROBE), stages[0].size)
    objective = painter.objective(probe)
    image = torch.rand(1, 3, *probe, generator=torch.Generator().manual_seed(0))
    objective.gradient(image)  # the first call builds the kernels
    started = time.perf_counter()
    objective.gradient(image)
    per_pixel = (time.perf_counter() - started) / (probe[0] * probe[1])
    optimizer = painter.recipe.optimizer
    now, done = painter.position
    left = [Stage(stages[now].size, stages[now].steps - done), *stages[now + 1 :]]
    work = sum(stage.work * _overhead(painter, stage.size, objective.layers) for stage in left)
    size = stages[-1].size
    side = painter.goal.side(size)
    held = cost_model.painting_bytes(painter.encoder, objective.layers, optimizer, size, side)
    return Estimate(per_pixel * work * _EVALUATIONS[optimizer], held, side)


def _overhead(painter: Painter, size: tuple[int, int], layers: tuple[str, ...]) -> float:
    """Times the work that tiles make of a size: halos, and the sums before the gradient."""
    side = painter.goal.side(size)
    if side is None or not isinstance(painter.encoder, Encoder):
        return 1.0
    halo = halo_of(layers, painter.encoder)
    outer = [min(n, side + 2 * halo) / min(n, side) for n in size]
    return 1.4 * outer[0] * outer[1]

"""What a painting will cost, told before it starts."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from impasto import memory
from impasto.encoders import Encoder
from impasto.painter import Painter
from impasto.pyramid import Stage
from impasto.tiles import halo_of

# Evaluations of the objective in one step of each optimiser, counted over paintings: the line
# search of L-BFGS now and then needs a second one.
_EVALUATIONS = {"lbfgs": 1.25, "adam": 1.0}


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
    """Time from one evaluation at the smallest size, memory from the encoder's feature maps."""
    stages, encoder = painter.stages, painter.encoder
    first = stages[0]
    objective = painter.objective(first.size)
    image = torch.rand(1, 3, *first.size, generator=torch.Generator().manual_seed(0))
    objective.gradient(image)  # the first call builds the kernels
    started = time.perf_counter()
    objective.gradient(image)
    seconds = time.perf_counter() - started
    pixels = first.size[0] * first.size[1]
    optimizer = painter.recipe.optimizer
    now, done = painter.position
    left = [Stage(stages[now].size, stages[now].steps - done), *stages[now + 1 :]]
    work = sum(stage.work for stage in left) * _EVALUATIONS[optimizer]
    height, width = stages[-1].size
    held = memory.BASE_BYTES + memory.picture_bytes(optimizer, height * width)
    side = painter.goal.side((height, width))
    if isinstance(encoder, Encoder) and objective.layers:
        halo = halo_of(objective.layers, encoder)
        outer = [n if side is None else min(n, side + 2 * halo) for n in (height, width)]
        held += memory.bytes_per_pixel(encoder, objective.layers) * outer[0] * outer[1]
        if side is not None:
            # Halos are worked out with every tile, and all tiles once more for their sums.
            work *= 1.3 * outer[0] * outer[1] / (min(side, height) * min(side, width))
    return Estimate(seconds / pixels * work, held, side)

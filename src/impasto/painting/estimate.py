"""Time and memory of a painting, estimated before it starts."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from impasto.painting import cost_model
from impasto.painting.painter import Painter
from impasto.painting.pyramid import Stage

# Evaluations of the objective per step, averaged over paintings: the line search of L-BFGS
# sometimes needs a second one.
_EVALUATIONS = {"lbfgs": 1.15, "adam": 1.0}

_PROBE = 256
"""Longest side, in pixels, of the size at which the time is measured."""


@dataclass(frozen=True)
class Estimate:
    """The cost of a painting.

    Attributes:
        seconds: For the remaining steps, on this machine under its current load.
        bytes: Peak memory of the process.
        side: Of the tiles at the largest size; None if it is not tiled.
    """

    seconds: float
    bytes: float
    side: int | None = None


def estimate(painter: Painter) -> Estimate:
    """Estimate time from one evaluation at a small size, and memory from the feature maps."""
    stages = painter.stages
    # At very small sizes the time is dominated by overhead, not by pixels.
    probe = next((s.size for s in reversed(stages) if max(s.size) <= _PROBE), stages[0].size)
    objective = painter.objective(probe)
    image = torch.rand(1, 3, *probe, generator=torch.Generator().manual_seed(0))
    objective.gradient(image)  # warm-up
    started = time.perf_counter()
    objective.gradient(image)
    per_pixel = (time.perf_counter() - started) / (probe[0] * probe[1])
    optimizer = painter.recipe.optimizer
    current, done = painter.position
    remaining = [Stage(stages[current].size, stages[current].steps - done), *stages[current + 1 :]]
    work = sum(
        stage.work * _tiling_overhead(painter, stage.size, objective.layers) for stage in remaining
    )
    size = stages[-1].size
    side = painter.objective_builder.side(size)
    peak = cost_model.painting_bytes(painter.encoder, objective.layers, optimizer, size, side)
    return Estimate(per_pixel * work * _EVALUATIONS[optimizer], peak, side)


def _tiling_overhead(painter: Painter, size: tuple[int, int], layers: tuple[str, ...]) -> float:
    """Work in tiles relative to the whole picture: halos, and a forward pass for the sums."""
    side = painter.objective_builder.side(size)
    if side is None:
        return 1.0
    halo = painter.encoder.halo(layers)
    outer = [min(n, side + 2 * halo) / min(n, side) for n in size]
    return 1.4 * outer[0] * outer[1]

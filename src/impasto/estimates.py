"""What a painting will cost, told before it starts."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from impasto.encoders import Encoder
from impasto.painter import Painter
from impasto.pyramid import Stage

# Evaluations of the objective in one step of each optimiser, counted over paintings: the line
# search of L-BFGS now and then needs a second one.
_EVALUATIONS = {"lbfgs": 1.25, "adam": 1.0}

# Pictures of the painting's size that the optimisers hold: L-BFGS ten pairs and a few vectors.
_PICTURES = {"lbfgs": 30, "adam": 8}

# A process that has imported torch and read two pictures.
_BASE_BYTES = 350e6


@dataclass(frozen=True)
class Estimate:
    """Of one painting.

    Attributes:
        seconds: Of the steps still to be made, on this machine as busy as it is now.
        bytes: Peak memory of the process.
    """

    seconds: float
    bytes: float


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
    maps = _bytes_per_pixel(encoder, objective.layers) if isinstance(encoder, Encoder) else 0.0
    per_pixel = maps + _PICTURES[optimizer] * 3 * 4
    return Estimate(seconds / pixels * work, _BASE_BYTES + per_pixel * height * width)


def _bytes_per_pixel(encoder: Encoder, layers: tuple[str, ...]) -> float:
    """Feature maps kept for the way back, per pixel of the picture.

    Each convolution's output and padded input are kept, and as much again is in flight; a layer
    that is compared is held in float32 as well, with its gradient.
    """
    size = torch.finfo(encoder.dtype).bits // 8
    until = max((encoder.layers.index(name) for name in layers), default=-1)
    total = 0.0
    for name in encoder.layers[: until + 1]:
        area = encoder.stride(name) ** 2
        if name in encoder.architecture.convolutions:
            channels_in, channels_out = encoder.architecture.convolutions[name]
            total += size * (channels_in + 2 * channels_out) / area
        if name in layers:
            total += (size + 3 * 4) * encoder.channels(name) / area
    return total

"""Time and memory of a painting, estimated before it starts.

The time follows from what earlier paintings of this kind took on this machine
(:mod:`impasto.painting.speed`), and a trial of a few steps at a small size, which tells how busy
the machine is. Without earlier paintings, trials at larger and larger sizes show how the time grows
with the pixels; they go on while they take little beside the painting itself.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, replace
from typing import NamedTuple

from torch import Tensor

from impasto.images.picture import resize
from impasto.optim.divergence import DivergenceGuard
from impasto.optim.interface import Losses
from impasto.optim.optimizers import make_optimizer
from impasto.painting.pace import Forecast, Pace, unmeasured_forecast
from impasto.painting.painter import Painter
from impasto.painting.speed import Curve, Speed, kind_of, load_speed, save_speed
from impasto.runtime.memory import is_out_of_memory

_SIDES = (128, 256, 512, 1024)
"""Long sides of the trials in pixels."""

_STYLE_SIDE = 512
"""Long side at which the smallest trial may see the style pictures."""

_MULTIPLE = 32
"""Sides of trials are multiples of it: every stride divides them, as textures that tile need."""

_LEAST_GROWTH = 1.4
"""Of the pixels from one trial to the next: two of about the same size say no more than one."""

_TRIAL_STEPS = 4
_CHEAP_SECONDS, _CHEAP_SHARE = 0.4, 0.02
"""A trial may take so long, or that share of the painting."""

_EVALUATIONS = {"lbfgs": 1.1, "adam": 1.0}
"""Evaluations of a step until a painting has been timed: line searches sometimes need a second."""

_EVALUATIONS_FROM_NOISE = 1.3
"""The same for L-BFGS where the start is noise: its first directions are poor (measured)."""

_BUSY = 1.15
"""A trial that takes so much longer than the fastest means that the machine is busy."""

_WORTH_KEEPING = 2.0
"""Seconds of a painting from which its speed is kept."""


@dataclass(frozen=True)
class Estimate:
    """The cost of a painting.

    Attributes:
        seconds: For the remaining steps, on this machine under its current load.
        bytes: Peak memory of the process.
        side: Of the tiles at the largest size; None if it is not tiled.
        forecast: The seconds of every stage.
    """

    seconds: float
    bytes: float
    side: int | None
    forecast: Forecast


class _Trial(NamedTuple):
    pixels: float
    start: float
    step: float
    total: float


def estimate(painter: Painter) -> Estimate:
    """Estimate the time from measured speeds, and the memory from the feature maps."""
    forecast = measured_forecast(painter)
    builder, size = painter.objective_builder, painter.stages[-1].size
    seconds = forecast.seconds(painter.stages, painter.position)
    return Estimate(seconds, builder.peak_bytes(size), builder.side(size), forecast)


def known_forecast(painter: Painter) -> Forecast:
    """The forecast from earlier paintings, without a trial; ratios of sizes if there are none."""
    speed = load_speed(kind_of_painting(painter))
    if not speed.steps.points:
        return unmeasured_forecast(painter.stages)
    return _forecast(painter, speed)


def measured_forecast(painter: Painter) -> Forecast:
    """The forecast from earlier paintings and trials now, a fraction of a second in all."""
    kind = kind_of_painting(painter)
    speed = load_speed(kind)
    try:
        if not speed.starts.points:
            _try(painter, _first_side(painter), steps=1)  # what is done once in a process
        trial = _try(painter, _first_side(painter))
        if speed.steps.points:
            load = trial.step / speed.probe if speed.probe else 1.0
            if load < 1:
                save_speed(kind, replace(speed, probe=trial.step))
            return _forecast(painter, speed, load if load > _BUSY else 1.0)
        speed = _first_speed(painter, trial)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return known_forecast(painter)  # the painting itself will go on in smaller tiles
    save_speed(kind, Speed(probe=trial.step))
    return _forecast(painter, speed)


def keep_speed(painter: Painter, pace: Pace, seconds: float) -> None:
    """Keep what a painting has taken for later estimates.

    Args:
        painter: Whose steps were made.
        pace: Of its steps.
        seconds: That they took; very short paintings say little.
    """
    if seconds >= _WORTH_KEEPING:
        kind = kind_of_painting(painter)
        save_speed(kind, pace.learned(load_speed(kind), _tiling(painter)))


def kind_of_painting(painter: Painter) -> str:
    """All that the time of a painting depends on except its size."""
    recipe, builder = painter.recipe, painter.objective_builder
    names = recipe.to_dict()  # labels for objects
    return kind_of(
        {
            "painter": type(painter).__name__,
            "device": str(painter.device),
            "encoder": [names["encoder"], recipe.pooling, type(painter.encoder).__name__],
            "bytes": painter.encoder.bytes_per_pixel(recipe.layers),
            "precision": recipe.precision,
            "style": [*builder.style_layers, names["style_loss"], recipe.style_scale],
            "content": [*builder.content_layers],
            "terms": [recipe.laplacian_weight > 0, recipe.tv_weight > 0, recipe.tv],
            "optimizer": [recipe.optimizer, recipe.preconditioning > 0],
            "styles": len(painter.styles),
            "regions": builder.painted_regions,
        }
    )


def _first_speed(painter: Painter, trial: _Trial) -> Speed:
    """The speed of a kind that was never painted, from trials at growing sizes."""
    speed = Speed()
    final = painter.stages[-1].size
    for side in (*(side for side in _SIDES if side > _first_side(painter)), None):
        speed = Speed(
            speed.steps.updated(trial.pixels, trial.step),
            speed.starts.updated(trial.pixels, trial.start),
        )
        if side is None or _pixels(final) < _LEAST_GROWTH * trial.pixels:
            break
        total = _forecast(painter, speed).seconds(painter.stages, painter.position)
        growth = _pixels(_trial_size(painter, side)) / trial.pixels
        expected = trial.total * growth
        # One size alone says nothing of how the time grows; a second is measured in any case.
        if len(speed.steps.points) > 1 and expected > max(_CHEAP_SECONDS, _CHEAP_SHARE * total):
            break
        trial = _try(painter, side)
    return speed


def _forecast(painter: Painter, speed: Speed, load: float = 1.0) -> Forecast:
    """The seconds of every stage, from the speed of an idle machine and its load."""
    sizes = [_pixels(stage.size) for stage in painter.stages]
    starts = speed.starts if speed.starts.points else Curve({1.0: 0.0, 2.0: 0.0})
    tiling = _tiling(painter)
    return Forecast(
        tuple(load * t * speed.steps(pixels) for t, pixels in zip(tiling, sizes, strict=True)),
        tuple(load * starts(pixels) for pixels in sizes),
    )


def _tiling(painter: Painter) -> list[float]:
    """Work in tiles relative to the whole picture, of every stage: halos, a pass for the sums."""
    layers = painter.recipe.layers
    factors = []
    for stage in painter.stages:
        side = painter.objective_builder.side(stage.size)
        factor = 1.0
        if side is not None:
            halo = painter.encoder.halo(layers)
            outer = [min(n, side + 2 * halo) / min(n, side) for n in stage.size]
            factor = 1.4 * outer[0] * outer[1]
        factors.append(factor)
    return factors


def _first_side(painter: Painter) -> int:
    """Of the smallest trial: at most half of the painting's, less where the style is large."""
    by_style = _STYLE_SIDE / max(1.0, painter.recipe.style_scale)
    side = min(_SIDES[0], max(painter.stages[-1].size) // 2, by_style)
    return max(2 * _MULTIPLE, int(side))


def _trial_size(painter: Painter, side: int) -> tuple[int, int]:
    """A size of the painting's shape with about that long side, which its encoder can take."""
    final = painter.stages[-1].size
    if max(final) <= side:
        return final
    least = max(2 * _MULTIPLE, painter.encoder.minimum_side(painter.recipe.layers))
    height, width = (
        max(-(-least // _MULTIPLE), round(n * side / max(final) / _MULTIPLE)) * _MULTIPLE
        for n in final
    )
    return (height, width) if max(height, width) < max(final) else final


def _pixels(size: tuple[int, int]) -> float:
    return float(size[0] * size[1])


def _try(painter: Painter, side: int, *, steps: int = _TRIAL_STEPS) -> _Trial:
    """A few steps at a small size, after one to warm up."""
    size, recipe = _trial_size(painter, side), painter.recipe
    began = time.perf_counter()
    objective = painter.objective(size)
    evaluations = 0

    def gradient(image: Tensor) -> tuple[Losses, Tensor]:
        nonlocal evaluations
        evaluations += 1
        return objective.gradient(image)

    optimizer = make_optimizer(
        recipe.optimizer,
        gradient,
        resize(painter.content.tensor, size).clamp(0, 1),
        learning_rate=recipe.learning_rate,
        average=recipe.average,
        preconditioning=recipe.preconditioning,
    )
    guard = DivergenceGuard()
    guard.step(optimizer)
    first = time.perf_counter()
    times = []
    last = first
    for _ in range(steps):
        evaluations = 0
        guard.step(optimizer)
        now = time.perf_counter()
        times.append((now - last) / max(1, evaluations))
        last = now
    evaluations_each = _EVALUATIONS.get(recipe.optimizer, 1.0)
    if recipe.optimizer == "lbfgs" and recipe.init == "noise":
        evaluations_each = _EVALUATIONS_FROM_NOISE
    step = statistics.median(times) * evaluations_each
    return _Trial(_pixels(size), max(0.0, first - began - step), step, last - began)

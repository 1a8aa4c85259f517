"""Time left of a painting: the forecast of the remaining steps, corrected by those made."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from impasto.painting.pyramid import Stage
from impasto.painting.speed import Speed

_WINDOW = 0.12
"""Share of a painting's time, as forecast, over which the speed is averaged."""

_LONGEST = 2.0
"""What a step can count for, relative to the others: a line search of two evaluations."""

_SMALL = 20_000.0
"""Pixels whose time a step takes in addition, until speeds are measured: overhead."""


@dataclass(frozen=True)
class Forecast:
    """Seconds of every stage, forecast before the start.

    Attributes:
        steps: Of one step, for each stage.
        starts: Of the start of each stage, beyond its first step.
    """

    steps: tuple[float, ...]
    starts: tuple[float, ...]

    def seconds(self, stages: Sequence[Stage], position: tuple[int, int] = (0, 0)) -> float:
        """Of all that is left to do after a position: a stage, and the steps done in it."""
        stage, done = position
        left = self.steps[stage] * (stages[stage].steps - done) + self.starts[stage] * (not done)
        for index in range(stage + 1, len(stages)):
            left += self.starts[index] + self.steps[index] * stages[index].steps
        return left


def unmeasured_forecast(stages: Sequence[Stage]) -> Forecast:
    """A forecast in which only the ratios of the sizes mean something."""
    steps = tuple(stage.size[0] * stage.size[1] + _SMALL for stage in stages)
    return Forecast(steps, steps)


class Pace:
    """Share and time left of a painting, from step to step.

    Args:
        stages: Of the painting.
        forecast: Of these stages.
        position: Stage and steps done in it, if an earlier run is resumed.
    """

    def __init__(
        self, stages: Sequence[Stage], forecast: Forecast, position: tuple[int, int] = (0, 0)
    ) -> None:
        self._stages, self._forecast = tuple(stages), forecast
        self._position = position
        self._total = max(forecast.seconds(stages), 1e-12)
        self._last = 0.0  # seconds at the last step
        self._observed = self._expected = 0.0  # of recent steps
        self._first: float | None = None  # observed over expected, of the first step of all
        self._seconds: list[list[float]] = [[] for _ in stages]  # of every step but the first
        self._starts: list[float | None] = [None] * len(self._stages)

    def add(self, stage: int, step: int, seconds: float) -> None:
        """A step was made.

        Args:
            stage: From 0.
            step: In that stage, from 1.
            seconds: Since this run began.
        """
        spent, self._last = seconds - self._last, seconds
        expected = self._forecast.steps[stage]
        self._position = stage, step
        if self._starts[stage] is None:
            # With targets, and memory that is new to the process: it says little of the others.
            self._starts[stage] = spent
            self._first = spent / max(expected + self._forecast.starts[stage], 1e-12)
            return
        self._seconds[stage].append(spent)
        decay = 0.5 ** (expected / (_WINDOW * self._total))
        # A long line search is rare, and says nothing of the steps to come.
        usual = self._observed / self._expected * expected if self._expected else spent
        self._observed = decay * self._observed + min(spent, _LONGEST * usual)
        self._expected = decay * self._expected + expected

    @property
    def share(self) -> float:
        """Of the whole time, 0 to 1, as forecast."""
        left = self._forecast.seconds(self._stages, self._position)
        return 1.0 - left / self._total if left else 1.0

    @property
    def seconds_left(self) -> float | None:
        """Until the end, at the speed of the recent steps; None before the first."""
        ratio = self._observed / self._expected if self._expected else self._first
        if ratio is None:
            return None
        return ratio * self._forecast.seconds(self._stages, self._position)

    def learned(self, speed: Speed, tiling: Sequence[float]) -> Speed:
        """The speed of this kind of painting, with what this run has measured.

        Args:
            speed: Before.
            tiling: Work of every stage relative to the whole picture at once.
        """
        for index, stage in enumerate(self._stages):
            pixels = float(stage.size[0] * stage.size[1])
            if len(self._seconds[index]) < 2:
                continue
            step = statistics.fmean(self._seconds[index])
            speed = replace(speed, steps=speed.steps.updated(pixels, step / tiling[index]))
            if (first := self._starts[index]) is not None:
                speed = replace(speed, starts=speed.starts.updated(pixels, max(0.0, first - step)))
        return speed

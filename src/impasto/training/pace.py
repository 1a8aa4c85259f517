"""Time left of a training, from the steps that were measured."""

from __future__ import annotations

from collections.abc import Callable

_WINDOW = 50
"""Steps over which the speed is averaged."""

_MEASURED = 5
"""Steps after which the time is told."""


class TrainingPace:
    """The time that the remaining steps take.

    The first step of a process is not measured: it includes the start of threads, of memory and of
    what reads ahead.

    Args:
        steps: Of the training.
        cost: Step (from 0) → its work, relative to other steps.
    """

    def __init__(self, steps: int, cost: Callable[[int], float] = lambda step: 1.0) -> None:
        self._costs = [cost(step) for step in range(steps)]
        self._done, self._left = 0, sum(self._costs)
        self._last: float | None = None  # seconds at the last step
        self._seconds = self._work = 0.0  # of recent steps
        self.measured = 0

    def add(self, step: int, seconds: float) -> None:
        """A step was made.

        Args:
            step: Number of steps done, from 1.
            seconds: Since this process started to train.
        """
        self._left = sum(self._costs[step:]) if step != self._done + 1 else max(
            0.0, self._left - self._costs[self._done]
        )  # fmt: skip
        self._done = step
        if self._last is not None:
            decay = 1 - 1 / min(_WINDOW, self.measured + 1)
            self._seconds = decay * self._seconds + (1 - decay) * (seconds - self._last)
            self._work = decay * self._work + (1 - decay) * self._costs[step - 1]
            self.measured += 1
        self._last = seconds

    @property
    def is_known(self) -> bool:
        """Whether enough steps were measured for an estimate, and some are left."""
        return self.measured >= _MEASURED and self._done < len(self._costs)

    @property
    def seconds_left(self) -> float | None:
        """Until the end, at the speed of the recent steps; None before the second step."""
        return None if not self._work else self._left * self._seconds / self._work

    @property
    def steps_left(self) -> int:
        """Steps until the end."""
        return len(self._costs) - self._done

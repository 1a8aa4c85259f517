"""Ctrl-C in the middle of a training."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from impasto.cli.shared.training_progress import TrainingBar
from impasto.training.loop import TrainStep


@contextmanager
def interrupted_after(number: int) -> Iterator[None]:
    """Within the block, trainings are interrupted after the step of that number."""
    show = TrainingBar.show

    def interrupted(bar: TrainingBar, step: TrainStep, seconds_left: float | None) -> None:
        show(bar, step, seconds_left)
        if step.step == number:
            signal.raise_signal(signal.SIGINT)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingBar, "show", interrupted)
        yield

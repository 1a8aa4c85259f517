"""The time left of a training."""

from __future__ import annotations

import itertools

import pytest

from impasto.training.pace import TrainingPace
from impasto.training.settings import OnePassSettings


def after(pace: TrainingPace, seconds, start: int = 0) -> TrainingPace:
    for step, total in enumerate(itertools.accumulate(seconds), start + 1):
        pace.add(step, total)
    return pace


def test_equal_steps_after_a_slow_first():
    pace = after(TrainingPace(100), [30.0, *[2.0] * 9])
    assert pace.seconds_left == pytest.approx(90 * 2.0)
    assert pace.steps_left == 90


def test_steps_that_cost_more_come_later():
    """Seven tenths of the steps have crops of 192 px, the others of 256 px."""
    settings = OnePassSettings()
    pace = TrainingPace(100, lambda step: settings.crop_at(step, 100) ** 2)
    after(pace, [3.0] * 10)
    assert pace.seconds_left == pytest.approx(60 * 3.0 + 30 * 3.0 * (256 / 192) ** 2)


def test_a_resumed_training_counts_the_rest():
    pace = after(TrainingPace(100), [9.0, *[1.0] * 5], start=60)
    assert pace.seconds_left == pytest.approx(34.0)


def test_the_speed_follows_the_recent_steps():
    pace = after(TrainingPace(10_000), [1.0, *[1.0] * 100, *[3.0] * 400])
    assert pace.seconds_left == pytest.approx(3.0 * 9499, rel=0.01)


def test_it_is_known_after_some_steps_and_not_at_the_end():
    pace = TrainingPace(8)
    known = []
    for step in range(1, 9):
        pace.add(step, 2.0 * step)
        known.append(pace.is_known)
    assert known == [False] * 5 + [True] * 2 + [False]
    assert pace.seconds_left == 0.0


def test_nothing_is_known_before_the_second_step():
    pace = TrainingPace(8)
    assert pace.seconds_left is None
    pace.add(1, 5.0)
    assert pace.seconds_left is None

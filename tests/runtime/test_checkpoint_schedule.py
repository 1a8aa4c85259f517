"""Checkpoints are written by time, and take less than 1 % of it whatever the disk's speed."""

from __future__ import annotations

import pytest

from impasto.runtime import checkpoint_schedule
from impasto.runtime.checkpoint_schedule import CheckpointSchedule


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(checkpoint_schedule, "time", clock)
    return clock


@pytest.mark.parametrize("write_seconds", [0.001, 0.1, 3.0, 20.0])
@pytest.mark.parametrize("size", [10**5, 10**8, 2 * 10**9])
def test_less_than_a_hundredth_of_a_long_run(clock, write_seconds, size):
    """Ten hours of steps of two seconds, and six sizes."""
    schedule, spent, count, total = CheckpointSchedule(30.0), 0.0, 0, 36000.0
    for step in range(18000):
        clock.now += 2.0
        between = step % 3000 == 2999 and schedule.is_affordable(size, total)
        if schedule.is_time(size) or between:
            with schedule.writing(size, between=between):
                clock.now += write_seconds
            spent, count = spent + write_seconds, count + 1
    assert count > 1
    # Of the first the disk's speed is not known.
    assert spent - write_seconds < 0.01 * (clock.now - 1000.0)


def test_the_first_waits_for_a_large_file(clock):
    schedule = CheckpointSchedule(30.0)
    clock.now += 31.0
    assert schedule.is_time(10**6)
    assert not schedule.is_time(10**9)
    clock.now += 2000.0
    assert schedule.is_time(10**9)


def test_a_larger_picture_takes_longer(clock):
    schedule = CheckpointSchedule(30.0)
    with schedule.writing(10**6):
        clock.now += 0.1
    assert schedule.cost(10**6) == pytest.approx(0.1)
    assert schedule.cost(4 * 10**6) == pytest.approx(0.4)
    assert schedule.cost(10**5) == pytest.approx(0.1)


def test_between_sizes_only_if_the_run_is_long_enough(clock):
    schedule = CheckpointSchedule(30.0)
    with schedule.writing(1000, between=True):
        clock.now += 0.1
    assert not schedule.is_affordable(1000, total=40.0)
    assert schedule.is_affordable(1000, total=60.0)


def test_none_is_skipped_without_a_pause(clock):
    schedule = CheckpointSchedule(0.0)
    for _ in range(3):
        assert schedule.is_time(10**12)
        with schedule.writing(10**12):
            clock.now += 100.0
    assert schedule.is_affordable(10**12, total=0.0)

"""The next step's batch is drawn during this step, and is the same."""

from __future__ import annotations

import threading

import pytest

from impasto.training.prefetch import Prefetcher


@pytest.mark.parametrize("enabled", [False, True])
def test_results_are_those_of_the_step_and_size(enabled):
    prefetcher = Prefetcher(lambda step, size: (step, size), enabled=enabled)
    keys = [(0, 4), (1, 4), (2, 6), (3, 6), (9, 6), (3, 6), (4, 6)]
    assert [prefetcher.get(*key) for key in keys] == keys


def test_the_next_step_is_computed_in_advance():
    started, next_started = [], threading.Event()

    def compute(step: int, size: int) -> int:
        started.append(step)
        if step == 1:
            next_started.set()
        return step

    prefetcher = Prefetcher(compute, enabled=True)
    assert prefetcher.get(0, 4) == 0
    assert next_started.wait(10)
    assert prefetcher.get(1, 4) == 1
    assert started[:2] == [0, 1]
    assert started.count(1) == 1


def test_disabled_nothing_is_computed_in_advance():
    started: list[int] = []
    prefetcher = Prefetcher(lambda step, size: started.append(step), enabled=False)
    prefetcher.get(0, 4)
    assert started == [0]


@pytest.mark.parametrize("enabled", [False, True])
def test_errors_are_raised_by_their_own_step(enabled):
    prefetcher = Prefetcher(lambda step, size: 1 // (3 - step), enabled=enabled)
    assert [prefetcher.get(step, 4) for step in (1, 2)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        prefetcher.get(3, 4)
    assert prefetcher.get(2, 4) == 1

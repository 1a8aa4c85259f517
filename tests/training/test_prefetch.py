"""The next step's pictures are made while this step is, and are the same."""

from __future__ import annotations

import threading

import pytest

from impasto.training.prefetch import Prefetcher


@pytest.mark.parametrize("ahead", [False, True])
def test_what_is_taken_is_what_was_asked_for(ahead):
    made = Prefetcher(lambda step, size: (step, size), ahead=ahead)
    asked = [(0, 4), (1, 4), (2, 6), (3, 6), (9, 6), (3, 6), (4, 6)]
    assert [made.take(*which) for which in asked] == asked


def test_the_next_is_begun_before_it_is_asked_for():
    begun, after = [], threading.Event()

    def make(step: int, size: int) -> int:
        begun.append(step)
        if step == 1:
            after.set()
        return step

    made = Prefetcher(make, ahead=True)
    assert made.take(0, 4) == 0
    assert after.wait(10)
    assert made.take(1, 4) == 1
    assert begun[:2] == [0, 1]
    assert begun.count(1) == 1


def test_on_a_processor_nothing_is():
    begun: list[int] = []
    made = Prefetcher(lambda step, size: begun.append(step), ahead=False)
    made.take(0, 4)
    assert begun == [0]


@pytest.mark.parametrize("ahead", [False, True])
def test_errors_are_those_of_the_step_that_has_them(ahead):
    made = Prefetcher(lambda step, size: 1 // (3 - step), ahead=ahead)
    assert [made.take(step, 4) for step in (1, 2)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        made.take(3, 4)
    assert made.take(2, 4) == 1

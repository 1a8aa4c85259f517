"""Work on several things at a time: in order, complete, stopped and failed cleanly."""

from __future__ import annotations

import threading
import time

import pytest
import torch

from impasto.runtime import memory
from impasto.runtime.workers import best_workers, map_in_threads

CPU = torch.device("cpu")


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    def work(number: int) -> int:
        time.sleep(0.01 * (number % 3))
        return number**2

    assert list(map_in_threads(work, range(9), workers)) == [(n, n**2) for n in range(9)]


def test_several_are_worked_on_at_once_with_one_thread_each() -> None:
    both, counts = threading.Barrier(2), set()

    def work(number: int) -> int:
        both.wait(20)  # fails unless two are here at the same time
        counts.add(torch.get_num_threads())
        return number

    before = torch.get_num_threads()
    assert len(list(map_in_threads(work, range(4), 2))) == 4
    assert counts == {1}
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("workers", [1, 2])
def test_after_a_stop_nothing_is_begun_and_what_was_begun_is_given(workers: int) -> None:
    stop, begun = threading.Event(), []

    def work(number: int) -> int:
        begun.append(number)
        if number == 2:
            stop.set()
        return number

    given = [item for item, _ in map_in_threads(work, range(100), workers, stop.is_set)]
    assert given == sorted(begun)
    assert 2 in given
    assert len(given) < 10


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_is_raised_and_ends_the_threads(workers: int) -> None:
    def work(number: int) -> int:
        return 1 // (2 - number)

    before = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        list(map_in_threads(work, range(100), workers))
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("cores", "count", "budget", "expected"),
    [
        (1, 9, 1e12, 1),
        (2, 1, 1e12, 1),
        (2, 2, 1e12, 2),
        (2, 3, 1e12, 1),  # three in turn on both cores are faster than two rounds
        (2, 40, 1e12, 2),
        (16, 400, 1e12, 16),
        (16, 400, 5.5e9, 5),
        (16, 400, 1e8, 1),
    ],
)
def test_number_of_workers(
    monkeypatch: pytest.MonkeyPatch, cores: int, count: int, budget: float, expected: int
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: cores)
    monkeypatch.setattr(memory, "default_memory_budget", lambda: budget)
    assert best_workers(count, 1e9, device=CPU) == expected


def test_a_device_works_on_one_at_a_time() -> None:
    assert best_workers(9, 1.0, device=torch.device("cuda")) == 1

"""Work split over threads is complete and the same each time, and changes no other thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from impasto.nn import winograd
from impasto.runtime import threads
from impasto.runtime.threads import parallel_for


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_every_item_is_done_once_by_workers_with_one_thread_each() -> None:
    done: list[int] = []
    counts: set[int] = set()

    def work(part: range, thread: int) -> None:
        done.extend(part)
        counts.add(torch.get_num_threads())

    parallel_for(11, work)
    assert sorted(done) == list(range(11))
    assert counts == {1}


def test_threads_started_later_use_all_threads() -> None:
    threads._pool.cache_clear()
    parallel_for(4, lambda part, thread: None)
    counts: list[int] = []
    later = threading.Thread(target=lambda: counts.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert counts == [torch.get_num_threads()] == [2]


@pytest.mark.parametrize("size", [(40, 44), (67, 90), (130, 66)])
def test_gradients_are_bitwise_equal_in_any_order_of_threads(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One part waits for the other, and the other way round."""
    monkeypatch.setattr(winograd, "_BLOCK_ELEMENTS", 64)
    monkeypatch.setattr(winograd, "_MIN_PATCHES", 8)
    random = torch.Generator().manual_seed(1)
    gradient = torch.randn(1, 8, *size, generator=random)
    filters = winograd.transform(torch.randn(8, 8, 3, 3, generator=random))
    results = []
    for first in (0, 1):

        def ordered(length: int, work: object, first: int = first) -> None:
            halves = range(length // 2), range(length // 2, length)
            for number in (first, 1 - first):
                work(halves[number], number)  # type: ignore[operator]

        with monkeypatch.context() as patch:
            patch.setattr(winograd, "parallel_for", ordered)
            results.append(winograd.convolve_backward(gradient, filters, padding="reflect"))
    assert torch.equal(*results)
    results.append(winograd.convolve_backward(gradient, filters, padding="reflect"))
    assert torch.equal(results[0], results[2])

"""Work split over threads is complete and the same each time, and changes no other thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
import torch

from impasto.nn import winograd
from impasto.runtime import threads
from impasto.runtime.threads import one_thread, own_threads, parallel_for


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


def test_one_thread_is_of_the_calling_thread_only() -> None:
    """Blocks of two threads overlap; each ends with the number that its own thread had."""
    inside, outside = threading.Barrier(2), threading.Barrier(2)
    counts: list[int] = []

    def enter_and_leave(leaves_first: bool) -> None:
        with one_thread():
            inside.wait(10)
            counts.append(torch.get_num_threads())
            if not leaves_first:
                outside.wait(10)
        counts.append(torch.get_num_threads())
        if leaves_first:
            outside.wait(10)

    both = [threading.Thread(target=enter_and_leave, args=(first,)) for first in (True, False)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(counts) == [1, 1, 2, 2]
    test_threads_started_later_use_all_threads()


def test_threads_that_start_while_another_uses_one_use_all() -> None:
    counts: list[int] = []
    with one_thread():
        later = threading.Thread(target=lambda: counts.append(torch.get_num_threads()))
        later.start()
        later.join()
        assert torch.get_num_threads() == 1
    assert counts == [torch.get_num_threads()] == [2]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_own_threads_are_restored_after_an_error(count: int) -> None:
    counts = []

    def fail() -> None:
        with own_threads(count):
            counts.append(torch.get_num_threads())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert counts == [count]
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("test", [
    test_every_item_is_done_once_by_workers_with_one_thread_each,
    test_threads_started_later_use_all_threads,
])  # fmt: skip
def test_without_the_functions_of_openmp(
    test: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where they are not found, torch's own function is used, and the default is put back."""
    monkeypatch.setattr(threads._OpenMP, "of_torch", staticmethod(lambda: None))
    threads._pool.cache_clear()
    test()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    threads._pool.cache_clear()


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

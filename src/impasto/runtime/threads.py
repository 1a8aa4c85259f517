"""How many threads share a piece of work."""

from __future__ import annotations

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Within the block torch's CPU operations use one thread.

    For work of many tiny parallel parts, whose threads mostly wait for each other: an eigenvalue
    decomposition of 128×128 takes 0.7 ms on one thread, and was measured at 80 to 500 ms on two
    threads of which another program took its share.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def least_seconds(timers: Sequence[Callable[[], float]], *, times: int = 5) -> list[float]:
    """The best of some measurements of each kind, on one thread.

    They are taken in turn, so that what disturbs one disturbs all alike. Let a timer tell the
    processor time of its thread (:func:`time.thread_time`): that does not count other work.

    Args:
        timers: Each measures once and tells the seconds.
        times: How often.
    """
    least = [float("inf")] * len(timers)
    with one_thread():
        for _ in range(times):
            least = [min(best, timer()) for best, timer in zip(least, timers, strict=True)]
    return least


def in_bands(length: int, work: Callable[[range, int], None]) -> None:
    """Do ``work`` on the numbers below ``length``, cut into a band for each of torch's threads.

    Within a band torch's operations use one thread. For many operations in a row on parts that need
    not wait for each other: shared out one by one, each would end with its threads waiting for the
    last, which took twenty times as long where another program had a share of the processor.

    Args:
        length: How many.
        work: Called with each band and its number, by threads of their own, without gradients.
    """
    count = min(length, torch.get_num_threads())
    if count <= 1:
        work(range(length), 0)
        return
    # Modes belong to threads: tensors made without gradients are filled without gradients.
    mode = torch.inference_mode if torch.is_inference_mode_enabled() else torch.no_grad

    def band(number: int) -> None:
        with mode():
            work(range(length * number // count, length * (number + 1) // count), number)

    for done in [_team(count).submit(band, number) for number in range(count)]:
        done.result()


def _alone() -> None:
    torch.set_num_threads(1)
    torch.get_num_threads()  # a thread takes the number over when it first asks, once for all


@functools.cache
def _team(count: int) -> ThreadPoolExecutor:
    before = torch.get_num_threads()
    team = ThreadPoolExecutor(count, "impasto", initializer=_alone)
    all_there = threading.Barrier(count + 1)
    for _ in range(count):
        team.submit(all_there.wait)
    all_there.wait()
    torch.set_num_threads(before)  # what a thread sets for itself is the default of later ones
    return team


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_team.cache_clear)  # a child has none of the threads

"""Thread counts, work split over threads, and timing that ignores other processes."""

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
    """Within the block, torch's CPU operations use one thread.

    For work in many tiny parallel parts, whose threads mostly wait for each other. An eigenvalue
    decomposition of 128×128 takes 0.7 ms on one thread. On two threads it was measured at 80 to
    500 ms while another program used part of the CPU.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def best_seconds(timers: Sequence[Callable[[], float]], *, times: int = 5) -> list[float]:
    """The least time that each timer measures in several rounds, on one thread.

    The timers alternate, so that other load affects all of them equally. A timer should measure the
    CPU time of its thread (:func:`time.thread_time`), which excludes other work.
    """
    best = [float("inf")] * len(timers)
    with one_thread():
        for _ in range(times):
            best = [min(least, timer()) for least, timer in zip(best, timers, strict=True)]
    return best


def parallel_for(length: int, work: Callable[[range, int], None]) -> None:
    """Split ``range(length)`` over torch's threads and work on each part with one thread.

    For sequences of operations on parts that need not wait for each other. If torch splits each
    operation instead, every one ends by waiting for its slowest thread. That took twenty times as
    long while another program used part of the CPU.

    Args:
        length: Number of items.
        work: Called without gradients, with a part of the range and the number of its thread.
    """
    count = min(length, torch.get_num_threads())
    if count <= 1:
        work(range(length), 0)
        return
    # Modes are per thread. Tensors created in inference mode must be filled in inference mode.
    mode = torch.inference_mode if torch.is_inference_mode_enabled() else torch.no_grad

    def run(thread: int) -> None:
        with mode():
            work(range(length * thread // count, length * (thread + 1) // count), thread)

    for future in [_pool(count).submit(run, thread) for thread in range(count)]:
        future.result()


@functools.cache
def _pool(count: int) -> ThreadPoolExecutor:
    """Worker threads in which torch uses one thread each."""
    before = torch.get_num_threads()
    pool = ThreadPoolExecutor(count, "impasto", initializer=_use_one_thread)
    all_started = threading.Barrier(count + 1)
    for _ in range(count):
        pool.submit(all_started.wait)
    all_started.wait()
    # What a worker sets for itself also becomes the default of threads started later.
    torch.set_num_threads(before)
    return pool


def _use_one_thread() -> None:
    torch.set_num_threads(1)
    torch.get_num_threads()  # a thread adopts the number at its first query, once and for all


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not survive a fork

"""Several pieces of work at a time, in threads of this process with one torch thread each."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

import torch

from impasto.runtime import memory
from impasto.runtime.background import start_in
from impasto.runtime.threads import one_thread_pool

T = TypeVar("T")
R = TypeVar("R")

_PARALLEL_SHARE = 0.75
"""Share of the work on a picture that several threads divide among them (Amdahl's law)."""


def best_workers(count: int, bytes_each: float, *, device: torch.device) -> int:
    """The number of pieces to work on at a time that takes the least time and fits in the memory.

    On a CPU that is usually one for each core. A device works on one at a time.

    Args:
        count: Number of pieces, of about the same size.
        bytes_each: Memory that one takes.
        device: Where the work is done.
    """
    cores = torch.get_num_threads()
    most = min(cores, count)
    if most < 2 or device.type != "cpu":
        return 1
    most = max(1, min(most, int(memory.default_memory_budget() / bytes_each)))

    def time_taken(workers: int) -> float:
        rounds, threads = math.ceil(count / workers), cores // workers
        return rounds * (1 - _PARALLEL_SHARE + _PARALLEL_SHARE / threads)

    return min(range(most, 0, -1), key=time_taken)


def map_in_threads(
    work: Callable[[T], R],
    items: Iterable[T],
    workers: int,
    should_stop: Callable[[], bool] = lambda: False,
) -> Generator[tuple[T, R]]:
    """Each item with the result of work on it, in the order of the items.

    Args:
        work: Called in several threads at once; it must not depend on the order, nor return None.
            What it raises is raised here.
        items: To work on.
        workers: Number of threads; a single one is the calling thread, which uses all cores.
        should_stop: Asked after each result. Then nothing new is begun; what has been begun is
            finished and given.
    """
    if workers == 1:
        for item in items:
            yield item, work(item)
            if should_stop():
                return
        return

    def work_unless_stopped(item: T) -> R | None:
        return None if should_stop() else work(item)

    pool = one_thread_pool(workers)
    begun: deque[tuple[T, Future[R | None]]] = deque()
    try:
        for item in items:
            begun.append((item, start_in(pool, partial(work_unless_stopped, item))))
            if len(begun) == 2 * workers:
                yield from _first(begun)
                if should_stop():
                    break
        while begun:
            yield from _first(begun)
    finally:
        pool.shutdown(cancel_futures=True)


def _first(begun: deque[tuple[T, Future[R | None]]]) -> Iterator[tuple[T, R]]:
    """The first of the items and its result, unless it was not begun before the stop."""
    item, future = begun.popleft()
    result = future.result()
    if result is not None:
        yield item, result

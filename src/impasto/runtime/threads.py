"""Threads of one process: how many torch uses, work split over them, and forked processes.

torch's ``set_num_threads`` sets the number of the calling thread and the default of all threads
that start later. Here only the number of the calling thread is changed, so that several threads
can paint at once, and other code in the process keeps its own number.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Within the block, torch's CPU operations in this thread use one thread.

    For work in many tiny parallel parts, whose threads mostly wait for each other. An eigenvalue
    decomposition of 128×128 takes 0.7 ms on one thread. On two threads it was measured at 80 to
    500 ms while another program used part of the CPU. Other threads are not affected.
    """
    with own_threads(1):
        yield


@contextlib.contextmanager
def own_threads(count: int) -> Iterator[None]:
    """Within the block, torch's CPU operations in this thread use ``count`` threads."""
    before = torch.get_num_threads()
    if before == count:
        yield
        return
    if _OpenMP.of_torch() is None:
        # The number is changed for the whole process: one block at a time.
        with _process_wide:
            before = torch.get_num_threads()
            torch.set_num_threads(count)
            try:
                yield
            finally:
                torch.set_num_threads(before)
        return
    _set_own_threads(count)
    try:
        yield
    finally:
        _set_own_threads(before)


_process_wide = threading.RLock()


class _OpenMP:
    """Functions of the OpenMP and MKL libraries of torch that concern the calling thread only.

    MKL has a number of threads of its own; torch sets both together, and so does this.
    """

    def __init__(self, library: ctypes.CDLL) -> None:
        self._set_threads = library.omp_set_num_threads
        self._set_mkl_threads = getattr(library, "MKL_Set_Num_Threads_Local", None)
        self._pause = getattr(library, "omp_pause_resource_all", None)  # OpenMP 5.0

    @staticmethod
    @functools.cache
    def of_torch() -> _OpenMP | None:
        """The libraries that torch has loaded; None if they are not found."""
        names = {"darwin": "libtorch_cpu.dylib", "win32": "libiomp5md.dll"}
        name = names.get(sys.platform, "libtorch_cpu.so")
        for path in (name, os.path.join(os.path.dirname(torch.__file__), "lib", name)):
            # A symbol is also looked up in the libraries that the named one was linked with.
            with contextlib.suppress(OSError, AttributeError):
                return _OpenMP(ctypes.CDLL(path))
        return None

    def set_threads(self, count: int) -> None:
        """Set the number of the calling thread."""
        self._set_threads(count)
        if self._set_mkl_threads is not None:
            self._set_mkl_threads(count)

    def dismiss_team(self) -> bool:
        """End the threads that wait for work of the calling thread; returns whether they ended."""
        return self._pause is not None and self._pause(_SOFT_PAUSE) == 0


_SOFT_PAUSE = 1
"""``omp_pause_soft``: settings are kept."""


def _set_own_threads(count: int) -> bool:
    """Set the number of the calling thread only; returns whether that is possible."""
    library = _OpenMP.of_torch()
    if library is None:
        return False
    torch.get_num_threads()  # a thread adopts torch's default at its first query, once and for all
    library.set_threads(count)
    return True


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
    return one_thread_pool(count)


def one_thread_pool(count: int) -> ThreadPoolExecutor:
    """``count`` worker threads in which torch uses one thread each."""
    before = torch.get_num_threads()
    pool = ThreadPoolExecutor(count, "impasto", initializer=_use_one_thread)
    if _OpenMP.of_torch() is None:
        all_started = threading.Barrier(count + 1)
        for _ in range(count):
            pool.submit(all_started.wait)
        all_started.wait()
        # What a worker sets for itself also becomes the default of threads started later.
        torch.set_num_threads(before)
    return pool


def _use_one_thread() -> None:
    if not _set_own_threads(1):
        torch.set_num_threads(1)
        torch.get_num_threads()


# --- Processes ------------------------------------------------------------------------------------


@functools.cache
def survive_forks() -> None:
    """From now on, forked processes can paint as this one. Called before anything is painted.

    The threads of libgomp, the OpenMP library of torch on Linux, do not survive a fork. In the new
    process the thread that forked would wait for them for ever in its next parallel operation, in
    torch's own operations, too. So that thread's team is dismissed before each fork; both processes
    start another when they need one. Other OpenMP libraries do this themselves.
    """
    if hasattr(os, "register_at_fork"):
        _OpenMP.of_torch()  # so that nothing is loaded between a fork and the first operation
        os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)


def _before_fork() -> None:
    global _is_team_dismissed
    library = _OpenMP.of_torch()
    _is_team_dismissed = library is not None and library.dismiss_team()


def _after_fork_in_child() -> None:
    _pool.cache_clear()
    if not _is_team_dismissed:
        torch.set_num_threads(1)  # one thread needs no team


_is_team_dismissed = False
"""Whether the forking thread's team was dismissed before the last fork."""

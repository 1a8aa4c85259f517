"""Work in a thread where one can be started, else at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from impasto.runtime.thread_room import threads_fit

T = TypeVar("T")


def start_in(pool: ThreadPoolExecutor, work: Callable[[], T]) -> Future[T]:
    """Start work in a pool; it is done here and now if the system gives the pool no thread.

    Each thread needs address space for its stack, which ``ulimit -v`` may not leave. Where it
    leaves little, none is started (:func:`impasto.runtime.thread_room.threads_fit`).
    """
    future: Future[T] = Future()
    claim = threading.Lock()

    def run() -> None:
        if not claim.acquire(blocking=False):
            return  # done already: the pool also keeps work that it had no thread for
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    if not threads_fit():
        run()
        return future
    try:
        pool.submit(run)
    except RuntimeError as error:
        if "start new thread" not in str(error):
            raise
        run()
    return future

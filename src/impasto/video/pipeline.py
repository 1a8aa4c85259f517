"""Reading, painting and writing at the same time: two threads with short queues between them.

Every wait has an end and is repeated, so that signals are heard, and a thread that ended for
whatever reason is not waited for.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

AHEAD = 4
"""Frames that may wait on each side: enough to overlap, few in memory."""

_WAIT_SECONDS = 0.2


class ReadAhead(Iterator[T], Generic[T]):
    """Iterates in a thread, a few items ahead; errors are raised where an item is taken.

    Args:
        items: What is iterated, in the thread alone.
        ahead: Items that may wait.
    """

    def __init__(self, items: Iterator[T], ahead: int = AHEAD) -> None:
        self._queue: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(ahead)
        self._stopped, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(items,), daemon=True)
        self._thread.start()

    def _run(self, items: Iterator[T]) -> None:
        try:
            for item in items:
                if not self._put(item, None):
                    return
        except BaseException as error:
            self._put(None, error)
        else:
            self._put(None, StopIteration())
        finally:
            self._ended.set()

    def _put(self, item: T | None, error: BaseException | None) -> bool:
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Full):
                self._queue.put((item, error), timeout=_WAIT_SECONDS)
                return True
        return False

    def __next__(self) -> T:
        while True:
            with contextlib.suppress(queue.Empty):
                item, error = self._queue.get(timeout=_WAIT_SECONDS)
                break
            if self._ended.is_set() and self._queue.empty():
                raise StopIteration
        if error is not None:
            self._stopped.set()
            raise error
        return item  # type: ignore[return-value]

    def close(self) -> None:
        """End the thread after the item in hand."""
        self._stopped.set()
        _wait_for(self._ended, self._thread)


class WriteBehind:
    """Does work in a thread, in order, a few pieces behind; errors are raised at the next one.

    Args:
        behind: Pieces that may wait.
    """

    def __init__(self, behind: int = AHEAD) -> None:
        self._queue: queue.Queue[Callable[[], object]] = queue.Queue(behind)
        self._error: BaseException | None = None
        self._stopped, self._ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while True:
                try:
                    work = self._queue.get(timeout=0 if self._stopped.is_set() else _WAIT_SECONDS)
                except queue.Empty:
                    if self._stopped.is_set():
                        return
                    continue
                work()
        except BaseException as error:
            self._error = error
        finally:
            self._ended.set()

    def add(self, work: Callable[[], object]) -> None:
        """Do a piece of work soon.

        Raises:
            BaseException: What an earlier piece raised.
        """
        while True:
            self._check()
            with contextlib.suppress(queue.Full):
                self._queue.put(work, timeout=_WAIT_SECONDS)
                return

    def finish(self) -> None:
        """Wait until all is done.

        Raises:
            BaseException: What a piece of work raised.
        """
        self.close()
        self._check()

    def close(self) -> None:
        """End the thread after the work that waits; what it raised is not raised."""
        self._stopped.set()
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(lambda: None)  # it need not wait for work any more
        _wait_for(self._ended, self._thread)

    def _check(self) -> None:
        if self._error is not None:
            raise self._error


def _wait_for(ended: threading.Event, thread: threading.Thread) -> None:
    """Wait until a thread has ended its work."""
    while not ended.wait(_WAIT_SECONDS) and thread.is_alive():
        pass

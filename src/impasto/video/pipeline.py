"""Reading, painting and writing at the same time: two threads with short queues between them."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

AHEAD = 4
"""Frames that may wait on each side: enough to overlap, few in memory."""

_POLL_SECONDS = 0.1


class ReadAhead(Iterator[T], Generic[T]):
    """Iterates in a thread, a few items ahead; errors are raised where an item is taken.

    Args:
        items: What is iterated, in the thread alone.
        ahead: Items that may wait.
    """

    def __init__(self, items: Iterator[T], ahead: int = AHEAD) -> None:
        self._queue: queue.Queue[tuple[T | None, BaseException | None]] = queue.Queue(ahead)
        self._stopped = threading.Event()
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

    def _put(self, item: T | None, error: BaseException | None) -> bool:
        while not self._stopped.is_set():
            with contextlib.suppress(queue.Full):
                self._queue.put((item, error), timeout=_POLL_SECONDS)
                return True
        return False

    def __next__(self) -> T:
        item, error = self._queue.get()
        if error is not None:
            self._stopped.set()
            raise error
        return item  # type: ignore[return-value]

    def close(self) -> None:
        """End the thread after the item in hand."""
        self._stopped.set()
        self._thread.join()


class WriteBehind:
    """Does work in a thread, in order, a few pieces behind; errors are raised at the next one.

    Args:
        behind: Pieces that may wait.
    """

    def __init__(self, behind: int = AHEAD) -> None:
        self._queue: queue.Queue[Callable[[], object] | None] = queue.Queue(behind)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while (work := self._queue.get()) is not None:
            if self._error is not None:
                continue
            try:
                work()
            except BaseException as error:
                self._error = error

    def add(self, work: Callable[[], object]) -> None:
        """Do a piece of work soon."""
        self._check()
        self._queue.put(work)

    def finish(self) -> None:
        """Wait until all is done.

        Raises:
            BaseException: What a piece of work raised.
        """
        self.close()
        self._check()

    def close(self) -> None:
        """End the thread after the work that waits; what it raised is not raised."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

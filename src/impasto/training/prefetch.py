"""The next step's batch, drawn in a thread while a GPU computes this step."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefetcher(Generic[T]):
    """Computes what depends on a step and a size alone, one step ahead.

    Args:
        compute: (step, size) → result; it runs in a thread.
        enabled: Whether to start the next step's in advance. On a CPU that trains, both would only
            compete for it.
    """

    def __init__(self, compute: Callable[[int, int], T], *, enabled: bool) -> None:
        self._compute = compute
        self._thread = ThreadPoolExecutor(1, "impasto-crops") if enabled else None
        self._next: tuple[tuple[int, int], Future[T]] | None = None

    def get(self, step: int, size: int) -> T:
        """The result of ``compute`` for a step and a size; its errors are raised here."""
        if self._thread is None:
            return self._compute(step, size)
        key, ahead = (step, size), self._next
        future = ahead[1] if ahead and ahead[0] == key else self._submit(key)
        result = future.result()
        self._next = (step + 1, size), self._submit((step + 1, size))
        return result

    def _submit(self, key: tuple[int, int]) -> Future[T]:
        assert self._thread is not None
        return self._thread.submit(self._compute, *key)

"""The next step's pictures, made while a GPU makes this step."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefetcher(Generic[T]):
    """Makes things that depend on a step and a size alone, one step ahead if that pays.

    Args:
        make: (step, size) → what is wanted. It runs in a thread.
        ahead: Whether to begin the next step's; on a processor that trains it would only take
            turns with the training.
    """

    def __init__(self, make: Callable[[int, int], T], *, ahead: bool) -> None:
        self._make = make
        self._thread = ThreadPoolExecutor(1, "impasto-crops") if ahead else None
        self._coming: tuple[tuple[int, int], Future[T]] | None = None

    def take(self, step: int, size: int) -> T:
        """What ``make`` makes of a step and a size; errors too."""
        if self._thread is None:
            return self._make(step, size)
        wanted, coming = (step, size), self._coming
        made = coming[1] if coming and coming[0] == wanted else self._begin(wanted)
        result = made.result()
        self._coming = (step + 1, size), self._begin((step + 1, size))
        return result

    def _begin(self, wanted: tuple[int, int]) -> Future[T]:
        assert self._thread is not None
        return self._thread.submit(self._make, *wanted)

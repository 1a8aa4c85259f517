"""What was used last: a bounded number of things that are dear to open again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class LastUsed(Generic[K, V]):
    """Values by key, of which those used last are kept.

    Args:
        most: Values that are kept.
        dropped: Called with each value that is not kept any more.
    """

    def __init__(self, most: int, dropped: Callable[[V], object] | None = None) -> None:
        self._most, self._dropped = most, dropped
        self._values: dict[K, V] = {}  # in the order of their last use

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K) -> V | None:
        """The value, which is then the one used last; None if it is not kept."""
        value = self._values.pop(key, None)
        if value is not None:
            self._values[key] = value
        return value

    def add(self, key: K, value: V) -> V:
        """Keep a value as the one used last, and return it."""
        self._values.pop(key, None)
        self._values[key] = value
        while len(self._values) > self._most:
            oldest = self._values.pop(next(iter(self._values)))
            if self._dropped is not None:
                self._dropped(oldest)
        return value

    def get_or_add(self, key: K, make: Callable[[], V]) -> V:
        """The value of a key, made if it is not kept."""
        value = self.get(key)
        return self.add(key, make()) if value is None else value

"""A queue that is fair to clients: they take turns, however many jobs each of them has sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class FairQueue(Generic[T]):
    """Items of clients, one of each in turn; those of one client in their order."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[T]] = {}  # in the order of the clients' turns

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def __iter__(self) -> Iterator[T]:
        """Every item, in the order in which they will be taken if nothing is added."""
        turns = [list(items) for items in self._waiting.values()]
        for turn in range(max(map(len, turns), default=0)):
            yield from (items[turn] for items in turns if turn < len(items))

    def add(self, client: str, item: T) -> None:
        """Add an item behind those of the same client; a new client's turn is the last."""
        self._waiting.setdefault(client, deque()).append(item)

    def pop(self) -> T:
        """The next item; its client's next turn comes after those of all others.

        Raises:
            IndexError: If there is none.
        """
        if not self._waiting:
            raise IndexError("the queue is empty")
        client = next(iter(self._waiting))
        items = self._waiting.pop(client)
        item = items.popleft()
        if items:
            self._waiting[client] = items
        return item

    def remove(self, item: T) -> bool:
        """Take an item out; whether it was there."""
        for client, items in self._waiting.items():
            if item in items:
                items.remove(item)
                if not items:
                    del self._waiting[client]
                return True
        return False

    def place(self, item: T) -> int:
        """How many are taken before an item, plus one; 0 if it does not wait."""
        return next((place for place, one in enumerate(self, 1) if one == item), 0)

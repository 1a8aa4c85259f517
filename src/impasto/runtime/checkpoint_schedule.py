"""When to write checkpoints: by time, and so seldom that they take less than 1 % of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

_BY_TIME, _BETWEEN = 0.005, 0.004
"""Shares of the time that may be spent on writing: by time, and at points of the work."""

_FIRST_SPEED = 150e6
"""Bytes a second that are assumed before the first checkpoint is written: a slow disk."""

_OVERHEAD = 0.01
"""Seconds that even a small file takes."""


class CheckpointSchedule:
    """Decides when a checkpoint is due; the disk's speed is measured while they are written.

    Args:
        seconds: Shortest time between two; 0 writes one whenever it is asked for.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = time.monotonic()
        self._spent_between = 0.0
        self._measured: tuple[float, int] | None = None  # seconds, bytes

    def is_time(self, size: int) -> bool:
        """Whether so much time has passed that a checkpoint is due.

        Args:
            size: Its bytes.
        """
        pause = max(self._seconds, self.cost(size) / _BY_TIME) if self._seconds else 0.0
        return time.monotonic() - self._last >= pause

    def is_affordable(self, size: int, total: float) -> bool:
        """Whether there is time for another checkpoint between two parts of the work.

        Args:
            size: Its bytes.
            total: Estimate of the seconds of the whole work.
        """
        return not self._seconds or self._spent_between + self.cost(size) <= _BETWEEN * total

    def cost(self, size: int) -> float:
        """Seconds that writing so many bytes will take."""
        if self._measured is None:
            return _OVERHEAD + size / _FIRST_SPEED
        seconds, measured = self._measured
        return seconds * max(1.0, size / max(1, measured))

    @contextlib.contextmanager
    def writing(self, size: int, *, between: bool = False) -> Iterator[None]:
        """The block writes a checkpoint of so many bytes.

        Args:
            size: Its bytes.
            between: Whether it was written because it is affordable, and not by time.
        """
        started = time.monotonic()
        try:
            yield
        finally:
            self._last = time.monotonic()
            self._measured = self._last - started, size
            if between:
                self._spent_between += self._measured[0]

"""How often something may happen: a bucket of tokens for each client."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

_MOST_CLIENTS = 10_000
"""Clients that are remembered, those seen last; a forgotten one starts anew."""


class RateLimit:
    """At most so many events a minute of each client, a minute's worth at once.

    Args:
        per_minute: How many; 0 for no limit.
        clock: Seconds that only grow.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = per_minute, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # left, at which time

    def seconds_to_wait(self, client: str) -> float:
        """Count an event; 0 if it may happen, else the seconds until one may, uncounted."""
        if not self._rate:
            return 0.0
        now = self._clock()
        left, before = self._buckets.pop(client, (float(self._rate), now))
        left = min(float(self._rate), left + (now - before) * self._rate / 60)
        is_allowed = left >= 1
        self._buckets[client] = (left - is_allowed, now)
        if len(self._buckets) > _MOST_CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if is_allowed else (1 - left) * 60 / self._rate

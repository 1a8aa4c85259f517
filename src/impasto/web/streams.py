"""Event streams that are open, counted for each client."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator

from impasto.web.studio import RefusedError

MOST_STREAMS = 50
"""Of one client at a time; a browser has six connections to a server."""


class Streams:
    """Counts open streams."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def check(self, client: str) -> None:
        """Check that a client may open one more.

        Raises:
            RefusedError: If it has too many.
        """
        if self._open[client] >= MOST_STREAMS:
            raise RefusedError(429, "Too many event streams: close some.")

    @contextlib.contextmanager
    def opened(self, client: str) -> Iterator[None]:
        """Within the block one more stream of a client is open."""
        self._open[client] += 1
        try:
            yield
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]

"""Connections, bounded: how many an address may hold, and how long a client may be silent.

The checks of messages begin when their headers are there. Clients that send half a header, or read
nothing of an answer, would otherwise hold connections until there are no more.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 30.0
"""For the headers of a message to come, and between two messages."""

MOST_OF_ADDRESS = 200
"""Connections of one address at a time."""

MOST_CONNECTIONS = 900
"""Of all; systems usually allow 1024 files."""

_UNREAD_SECONDS = 120
"""After so long without anything read by the client, the system ends a connection."""


def bounded_protocol(
    proxy: str = "", *, head_seconds: float = HEAD_SECONDS, most_of_address: int = MOST_OF_ADDRESS
) -> type[H11Protocol]:
    """A protocol of uvicorn with these bounds.

    h11 itself refuses headers of more than 64 kB.

    Args:
        proxy: Address of a proxy, which may hold as many connections as all clients together.
        head_seconds: For the headers of a message.
        most_of_address: Connections of one address.
    """
    held = Counter[str]()

    class BoundedProtocol(H11Protocol):
        _address = ""
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._address = self.client[0] if self.client else ""
            held[self._address] += 1
            if held[self._address] > most_of_address and self._address != proxy:
                transport.abort()
                return
            _end_unread(transport.get_extra_info("socket"))
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            held[self._address] -= 1
            if not held[self._address]:
                del held[self._address]
            self._unwatch()
            super().connection_lost(exc)

        def handle_events(self) -> None:
            super().handle_events()
            self._watch()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._watch()

        def _watch(self) -> None:
            """Give the client some time for the next headers, after an answer for an unread body.

            Bytes that come one by one give it no more.
            """
            if self._is_awaited and self._timer is None:
                self._timer = self.loop.call_later(head_seconds, self._end)
            elif not self._is_awaited:
                self._unwatch()

        @property
        def _is_awaited(self) -> bool:
            return self.conn.their_state is h11.IDLE or self.conn.our_state is h11.DONE

        def _unwatch(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _end(self) -> None:
            self._timer = None
            if self._is_awaited:
                self.transport.abort()

    return BoundedProtocol


def _end_unread(connection: socket.socket | None) -> None:
    """Have the system end a connection whose client reads nothing, where it can."""
    number = getattr(socket, "TCP_USER_TIMEOUT", None)
    if connection is not None and number is not None:
        connection.setsockopt(socket.IPPROTO_TCP, number, 1000 * _UNREAD_SECONDS)

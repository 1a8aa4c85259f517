"""A server on this machine that misbehaves on request."""

from __future__ import annotations

import os
import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY = random.Random(0).randbytes(3000)


class FileServer(ThreadingHTTPServer):
    """Answers each request with ``body``, or in the way that ``script`` has next.

    Ways: a number (that HTTP error), ``"drop"`` (half of what it promised), ``"whole"`` (no matter
    which range was asked for), ``"no length"`` (until the connection closes), ``"nothing"`` (none
    of what it promised), ``"reset"`` (half, and then resets the connection), ``"hang up"`` (not
    even a status), ``"to URL"`` (a redirect).
    """

    daemon_threads = True

    def __init__(self, body: bytes = BODY, script: tuple[int | str, ...] = ()) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.body = body
        self.script = list(script)
        self.ranges: list[str | None] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/weight.pth"


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        way = self.server.script.pop(0) if self.server.script else "serve"
        if isinstance(way, str) and way.startswith("to "):
            self.send_response(302)
            self.send_header("Location", way.removeprefix("to "))
            return self.end_headers()
        if isinstance(way, int):
            return self.send_error(way)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if way == "whole":
            start = 0
        if start and start >= len(self.server.body):
            return self.send_error(416)
        if way == "hang up":
            return None
        rest = self.server.body[start:]
        self.send_response(206 if start else 200)
        if way != "no length":
            self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        sent = {"drop": len(rest) // 2, "reset": len(rest) // 2, "nothing": 0}.get(way, len(rest))
        with suppress(ConnectionError):  # a client may leave before the end
            self.wfile.write(rest[:sent])
        if way == "reset":
            reset = struct.pack("ii", 1, 0)  # linger for no time
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            os.close(self.connection.detach())
        return None

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output clean."""


@contextmanager
def serving(body: bytes = BODY, script: tuple[int | str, ...] = ()) -> Iterator[FileServer]:
    with FileServer(body, script) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def unused_url() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/weight.pth"

"""The Hugging Face Hub as an upload sees it: a server on this machine that keeps what it gets."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Hub:
    """What was sent.

    Attributes:
        created: Bodies of the requests that create repositories.
        files: Path in the repository → content.
        messages: Of the commits.
        tokens: Of all requests.
    """

    def __init__(self) -> None:
        self.created: list[dict[str, Any]] = []
        self.files: dict[str, bytes] = {}
        self.messages: list[str] = []
        self.paths: list[str] = []
        self.tokens: set[str] = set()
        self.address = ""

    def answer(self, path: str, body: bytes) -> dict[str, Any]:
        self.paths.append(path)
        if path == "/api/repos/create":
            self.created.append(json.loads(body))
            asked = self.created[-1]
            owner = asked.get("organization") or "me"
            return {"url": f"{self.address}/{owner}/{asked['name']}"}
        if path == "/api/validate-yaml":
            return {"errors": [], "warnings": []}
        if "/preupload/" in path:
            files = json.loads(body)["files"]
            return {"files": [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False,
                               "oid": None} for f in files]}  # fmt: skip
        if "/commit/" in path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "header":
                    self.messages.append(line["value"]["summary"])
                else:
                    assert line["key"] == "file"
                    self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            place = path.partition("/commit/")[0].removeprefix("/api/").removeprefix("models/")
            address = f"{self.address}/{place}/commit/{'1' * 40}"
            return {"commitUrl": address, "commitOid": "1" * 40, "success": True}
        raise AssertionError(path)


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub at ``address`` within the block."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            if self.headers.get("transfer-encoding") == "chunked":
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
            hub.tokens.add(self.headers.get("authorization", ""))
            told = json.dumps(hub.answer(self.path.partition("?")[0], body)).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

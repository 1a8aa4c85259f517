"""A server in a process of its own, and a client that sends what a browser or a script would."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from helpers.picture_files import smooth

START_SECONDS = 240
"""For torch to be imported by two workers, beside other programs."""


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json["error"]["message"])


@dataclass
class Client:
    """Sends messages to a server; ``headers`` go with each of them."""

    port: int
    headers: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with contextlib.closing(connection):
            connection.request(method, path, body, {**self.headers, **named})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, **headers)

    def post_form(self, path: str, parts: Mapping[str, str | bytes], **headers: str) -> Answer:
        body, kind = form(parts)
        return self.send("POST", path, body, **{"content-type": kind, **headers})

    def post_job(self, request: Mapping[str, Any], **files: bytes) -> Answer:
        parts = {name.replace("_", "-"): data for name, data in files.items()}
        return self.post_form("/api/jobs", {"request": json.dumps(request), **parts})

    def job(self, request: Mapping[str, Any], **files: bytes) -> str:
        """The id of a new job."""
        answer = self.post_job(request, **files)
        assert answer.status == 202, answer.body
        return str(answer.json["id"])

    def events(self, job: str, *, until: str = "", seconds: float = 240) -> list[tuple[str, Any]]:
        """The events of a job, until it ends or one of a kind comes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        found, name = [], ""
        with contextlib.closing(connection):
            connection.request("GET", f"/api/jobs/{job}/events", headers=self.headers)
            response = connection.getresponse()
            assert response.status == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            for line in response:
                word, _, rest = line.decode().rstrip("\n").partition(": ")
                if word == "event":
                    name = rest
                elif word == "data":
                    found.append((name, json.loads(rest)))
                    if name == until:
                        break
        return found

    def state(self, job: str) -> str:
        return str(self.get(f"/api/jobs/{job}").json["state"])

    def end(self, job: str) -> dict[str, Any]:
        """What a job is when it has ended."""
        self.events(job)
        described: dict[str, Any] = self.get(f"/api/jobs/{job}").json
        return described

    def wait(self, what: Any, seconds: float = 60) -> None:
        """Wait until something is true."""
        until = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < until, "it did not happen"
            time.sleep(0.05)


def form(parts: Mapping[str, str | bytes]) -> tuple[bytes, str]:
    """A multipart body and its type; bytes are files."""
    edge, body = "edge-of-a-part", b""
    for name, value in parts.items():
        is_file = isinstance(value, bytes)
        file = '; filename="a/../<b>.png"' if is_file else ""
        body += f'--{edge}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n'.encode()
        body += b"Content-Type: image/png\r\n\r\n" if is_file else b"\r\n"
        body += (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
    return body + f"--{edge}--\r\n".encode(), f"multipart/form-data; boundary={edge}"


class Server:
    """``impasto serve`` in a process of its own."""

    def __init__(self, *words: str, **environment: str) -> None:
        self.log: list[str] = []
        command = [sys.executable, "-m", "impasto", "serve", "--port", "0", *words]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        )  # fmt: skip
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        self._reading = threading.Thread(target=self._read_log, daemon=True)
        self._reading.start()
        assert self.address, self._failed()
        self.port = int(self.address.split(":")[2].split("/")[0])
        self.client = Client(self.port)

    def _failed(self) -> str:
        self.process.wait()
        time.sleep(0.5)
        return "".join(self.log)

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        self.log.extend(self.process.stderr)

    def wait_ready(self) -> Server:
        until = time.monotonic() + START_SECONDS
        while self.client.get("/readyz").status != 200:
            assert time.monotonic() < until, "".join(self.log)
            time.sleep(0.1)
        return self

    def workers(self) -> list[int]:
        """The process numbers of the workers."""
        import psutil

        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def stop(self) -> int:
        """End it as an operator does; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def close(self) -> None:
        """Close the pipes of a server that has ended."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._reading.join(30)
        self.process.stdout.close()
        self.process.stderr.close()

    def kill(self) -> None:
        for pid in self.workers():
            os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def serving(*words: str, **environment: str) -> Iterator[Server]:
    """A server that is ended after the block."""
    server = Server(*words, **environment)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.kill()
        server.close()


def png_bytes(width: int, height: int, *, seed: int) -> bytes:
    """A smooth picture as a PNG file."""
    turned = np.roll(smooth(height, width), 7 * seed, axis=(0, 1))
    stream = io.BytesIO()
    Image.fromarray((255 * np.clip(turned[..., :3], 0, 1)).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


PHOTO, PAINTING = png_bytes(64, 48, seed=1), png_bytes(48, 64, seed=2)


def paint_request(**recipe: Any) -> dict[str, Any]:
    """A painting of two steps at one size of 64 pixels, unless told otherwise."""
    quick = {"size": 64, "scales": 1, "steps": 2}
    return {
        "version": 1, "kind": "paint", "content": "upload:content",
        "styles": [{"source": "upload:style-1"}], "recipe": {**quick, **recipe},
    }  # fmt: skip


def stylize_request(style: str = "great-wave", **entries: Any) -> dict[str, Any]:
    """A picture in one pass."""
    return {
        "version": 1, "kind": "stylize", "content": "upload:content",
        "styles": [{"source": style}], **entries,
    }  # fmt: skip


def folders() -> set[Path]:
    """The folders of servers in the folder for temporary files."""
    import tempfile

    return set(Path(tempfile.gettempdir()).glob("impasto-serve-*"))

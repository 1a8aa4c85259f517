"""One server for all tests that only send it jobs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from helpers.web_client import Client, Server, serving


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    words = ["--rate", "0", "--result-pixels", "60000", "--most-steps", "100000",
             "--clip-frames", "200"]  # fmt: skip
    with serving(*words) as server:
        yield server.wait_ready()


@pytest.fixture
def client(server: Server) -> Client:
    """A browser's session of its own."""
    cookie = server.client.get("/").headers["set-cookie"].partition(";")[0]
    return Client(server.port, {"cookie": cookie})

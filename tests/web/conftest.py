"""One server for all tests that only send it jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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


@pytest.fixture(scope="session")
def studio() -> Iterator[Server]:
    """The server of the pages in a browser."""
    with serving("--rate", "0", "--most-steps", "5000") as server:
        yield server.wait_ready()


@pytest.fixture(scope="session")
def chromium(playwright: Any) -> Iterator[Any]:
    from helpers.browser import opened_browser

    with opened_browser(playwright) as browser:
        yield browser


@pytest.fixture
def open_page(chromium: Any, studio: Server) -> Iterator[Any]:
    """Opens the page in a session of its own; what the page's console says must be nothing."""
    from helpers.studio_page import pages

    with pages(chromium, studio.port) as opened:
        yield opened

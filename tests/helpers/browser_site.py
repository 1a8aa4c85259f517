"""The site of `impasto web build`, served as any static host would, and pages of it in Chromium."""

from __future__ import annotations

import contextlib
import functools
import http.server
import io
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

PATIENCE = 90_000  # milliseconds: other programs may share the machine


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The folder on a server of the standard library, which sets no headers of its own."""
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Visitor:
    """A person with a browser of their own, who visits the site."""

    browser: Browser
    address: str
    said: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def open(
        self, width: int = 1400, height: int = 900, *, script: str = "", wait: str = "ready",
        routes: Mapping[str, Callable[[Any], None]] | None = None, **options: Any,
    ) -> Page:  # fmt: skip
        """The page in a new browser profile, when it is ready.

        Args:
            width: Of the window.
            height: Of the window.
            script: Runs before those of the page.
            wait: What is waited for: ``ready`` or ``failed``.
            routes: Pattern of addresses → what answers instead of the server.
            **options: Of the profile.
        """
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, accept_downloads=True,
            **{"locale": "en", **options},
        )  # fmt: skip
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        if script:
            page.add_init_script(script)
        for pattern, answer in (routes or {}).items():
            page.route(pattern, answer)
        page.goto(self.address)
        page.wait_for_selector(f"body[data-{wait}]")
        return page

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.said.append(message.text)

    def leave(self) -> None:
        """Close all profiles."""
        for context in self.contexts:
            context.close()


def give(page: Page, field: str, data: bytes, name: str = "photo.png") -> None:
    """Choose a file in an input."""
    page.set_input_files(f"#{field}", {"name": name, "mimeType": "image/png", "buffer": data})


def set_value(page: Page, field: str, value: object, *, tell: bool = True) -> None:
    """Move a slider or choose in a list, and tell the page unless more is to be set first."""
    script = (
        "(e, [v, tell]) => { e.value = v; e.dispatchEvent(new Event('input')); "
        "if (tell) e.dispatchEvent(new Event('change')); }"
    )
    page.eval_on_selector(f"#{field}", script, [str(value), tell])


def count(page: Page) -> int:
    """How many paintings the page has shown."""
    return int(page.evaluate("document.body.dataset.painted ?? 0"))


def painted(page: Page, before: int) -> None:
    """Wait for a painting after so many, and for all that was asked for since."""
    wait_until(page, "n => Number(document.body.dataset.painted ?? 0) > n", before)
    settled(page)


def settled(page: Page) -> None:
    """Wait until nothing is painted."""
    wait_until(page, "() => document.getElementById('stage').ariaBusy !== 'true'")


def wait_until(page: Page, condition: str, value: object = None) -> None:
    """Wait until a function is true; Playwright's own way is refused by the page's policy.

    Args:
        page: Of the site.
        condition: A function in JavaScript.
        value: What it is given.
    """
    until = time.monotonic() + PATIENCE / 1000
    while not page.evaluate(condition, value):
        problem = page.inner_text("#problem")
        assert time.monotonic() < until, f"{condition} for {PATIENCE / 1000:.0f} s; {problem}"
        page.wait_for_timeout(50)


def saved(page: Page) -> bytes:
    """The file that the page saves."""
    with page.expect_download() as download:
        page.click("#save-png")
    return Path(download.value.path()).read_bytes()


def pixels(data: bytes) -> NDArray[np.int_]:
    """(height, width, 3), 0 to 255."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def drop(page: Page, target: str, data: bytes, name: str) -> None:
    """Drop a file on an element, as a person does with the mouse."""
    page.evaluate(
        """([target, bytes, name]) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([Uint8Array.from(bytes)], name, { type: "image/png" }));
          for (const kind of ["dragover", "drop"]) document.querySelector(target).dispatchEvent(
            new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer }));
        }""",
        [target, list(data), name],
    )


def paste(page: Page, data: bytes) -> None:
    """Paste a picture."""
    page.evaluate(
        """(bytes) => {
          const transfer = new DataTransfer();
          transfer.items.add(new File([Uint8Array.from(bytes)], "", { type: "image/png" }));
          window.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer }));
        }""",
        list(data),
    )

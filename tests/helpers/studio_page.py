"""What a person does on the page of ``impasto serve``, in Chromium driven by Playwright."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

PATIENCE = 120_000  # milliseconds: other programs may share the machine
WIDTHS = {"phone": (360, 780), "desk": (1400, 900)}

SIDEWAYS = """() => document.documentElement.scrollWidth - document.documentElement.clientWidth"""


class Pages:
    """Opens the page, each time in a session of its own.

    Attributes:
        said: Errors of the consoles of all pages.
    """

    def __init__(self, browser: Browser, port: int) -> None:
        self._browser, self._port = browser, port
        self._contexts: list[Any] = []
        self.said: list[str] = []

    def __call__(
        self, width: int = 1400, height: int = 900, path: str = "", **options: Any
    ) -> Page:
        context = self._browser.new_context(
            viewport={"width": width, "height": height}, locale=options.pop("locale", "en"),
            accept_downloads=True, **options,
        )  # fmt: skip
        self._contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda told: told.type == "error" and self.said.append(told.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.goto(f"http://127.0.0.1:{self._port}/{path}")
        page.wait_for_selector("body[data-ready]")
        return page

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@contextmanager
def pages(browser: Browser, port: int) -> Iterator[Pages]:
    """Pages that are closed after the block; their consoles must have said nothing wrong."""
    expect.set_options(timeout=PATIENCE)
    opened = Pages(browser, port)
    yield opened
    opened.close()
    assert [text for text in opened.said if "status of 4" not in text] == []


def give(page: Page, field: str, data: bytes, name: str = "photo.png") -> None:
    """Choose a file."""
    page.set_input_files(f"#{field}", {"name": name, "mimeType": "image/png", "buffer": data})


def set_slider(page: Page, field: str, value: float) -> None:
    page.eval_on_selector(
        f"#{field}",
        "(e, v) => { e.value = v; e.dispatchEvent(new Event('input')); "
        "e.dispatchEvent(new Event('change')); }",
        str(value),
    )


def made(page: Page) -> None:
    """Wait for the picture of the job that is shown."""
    expect(page.locator("#save-png")).to_be_visible()


def paint(page: Page) -> None:
    """Begin a painting, and wait for its first step."""
    next_job(page, lambda: page.click("#paint"))
    expect(page.locator("#status")).to_contain_text("step")


def next_job(page: Page, act: Any) -> None:
    """Do something that begins a job, and wait until it is shown."""
    old = job_of(page)
    act()
    page.wait_for_function(
        "old => location.hash.startsWith('#job=') && location.hash !== old", arg=f"#job={old}"
    )


def job_of(page: Page) -> str:
    """The id of the job that is shown; empty for none."""
    return page.url.partition("#job=")[2]


def saved(page: Page, field: str) -> bytes:
    """The file behind a link."""
    with page.expect_download() as download:
        page.click(f"#{field}")
    return Path(download.value.path()).read_bytes()


def stroke(page: Page, canvas: str, places: Sequence[tuple[float, float]]) -> None:
    """A stroke of the brush through places, in shares of the canvas."""
    page.locator(canvas).scroll_into_view_if_needed()
    box = page.locator(canvas).bounding_box()
    assert box is not None
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=5)
    page.mouse.up()


def violations(page: Page) -> list[Any]:
    """Serious and critical findings of axe-core."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    return [(one["id"], [node["html"][:90] for node in one["nodes"]]) for one in serious]

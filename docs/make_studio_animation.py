"""Makes docs/readme/studio.webp: a painting emerges in the page of ``impasto serve``.

    pip install '.[web]' playwright
    python docs/make_studio_animation.py

Chromium uses the page as a person would, without a window. Its screenshots become the frames. Where
the program works they are faster than life: the animation takes twenty seconds on any machine.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

ROOT = Path(__file__).parents[1]
ANIMATION = ROOT / "docs" / "readme" / "studio.webp"

WINDOW = (1180, 820)
"""Of the browser, in pixels."""

FRAMES = (944, 656)
"""Of the animation."""

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))


class Film:
    """Frames of the page, each with the milliseconds that it is shown, and a drawn pointer."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.frames: list[Image.Image] = []
        self.durations: list[int] = []
        self._pointer = (WINDOW[0] * 0.6, WINDOW[1] * 0.7)

    def shoot(self, milliseconds: int) -> None:
        """One frame. A frame like the one before lengthens that one."""
        image = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        frame = image.resize(FRAMES, Image.Resampling.LANCZOS)
        scale = FRAMES[0] / WINDOW[0]
        _draw_pointer(frame, *(scale * value for value in self._pointer))
        if self.frames and frame.tobytes() == self.frames[-1].tobytes():
            self.durations[-1] += milliseconds
            return
        self.frames.append(frame)
        self.durations.append(milliseconds)

    def point(self, selector: str) -> None:
        """Move the pointer to an element, in a few frames."""
        element = self.page.locator(selector)
        element.scroll_into_view_if_needed()
        box = element.bounding_box()
        end = box["x"] + box["width"] / 2, box["y"] + min(box["height"] / 2, 24)
        start = self._pointer
        for share in (0.3, 0.7, 1.0):
            self._pointer = tuple(a + share * (b - a) for a, b in zip(start, end, strict=True))
            self.shoot(90)
        self.shoot(250)

    def click(self, selector: str) -> None:
        """Point at an element and click it."""
        self.point(selector)
        self.page.click(selector)
        self.shoot(200)

    def hasten(self, first: int, milliseconds: int) -> None:
        """Show the frames from ``first`` on in that time, and no more than ten a second."""
        last = len(self.frames) - 1
        count = min(last - first + 1, milliseconds // 100)
        kept = [first + (last - first) * index // max(1, count - 1) for index in range(count)]
        self.frames[first:] = [self.frames[index] for index in kept]
        self.durations[first:] = [milliseconds // count] * count

    def save(self, path: Path, quality: int) -> None:
        """Write the animation."""
        first, *others = self.frames
        first.save(
            path, save_all=True, append_images=others, duration=self.durations, loop=0,
            quality=quality, method=5,
        )  # fmt: skip


def _draw_pointer(frame: Image.Image, x: float, y: float) -> None:
    """An arrow with its tip at (x, y)."""
    shape = ((0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (12, 12))
    points = [(x + a, y + b) for a, b in shape]
    ImageDraw.Draw(frame).polygon(points, fill="black", outline="white")


def play(film: Film) -> None:
    """What is shown: a sample, a style, one pass, a painting, before and after."""
    page = film.page
    page.wait_for_selector("body[data-ready]")
    _set(page, "#size", 768)  # it takes long enough for many previews
    film.shoot(900)
    film.click("#sample")
    page.wait_for_function("document.querySelector('#photo-shown').naturalWidth > 0")
    film.shoot(900)
    _work(film, "[data-style=starry-night]", milliseconds=1500)
    film.shoot(1500)
    _work(film, "#paint", milliseconds=7000)
    film.shoot(1500)
    film.click("#compare")
    for value in [*range(0, 101, 10), *range(100, 44, -10)]:
        _set(page, "#divide", value)
        film.shoot(100)
    film.shoot(1500)


def _set(page: Any, selector: str, value: int) -> None:
    page.locator(selector).evaluate(
        "(slider, value) => { slider.value = value; for (const name of ['input', 'change']) "
        "slider.dispatchEvent(new Event(name)) }",
        value,
    )


def _work(film: Film, selector: str, milliseconds: int, limit: float = 400) -> None:
    """Click what starts a job. Its frames until the picture is there are shown in that time."""
    page, end = film.page, time.monotonic() + limit
    before = page.url
    film.click(selector)
    page.wait_for_function("before => location.href !== before", arg=before)
    first = len(film.frames)
    while time.monotonic() < end:
        film.shoot(100)
        if page.is_visible("#save-png") and not page.is_visible("#work"):
            film.shoot(100)
            return film.hasten(first, milliseconds)
        page.wait_for_timeout(100)
    raise SystemExit(f"The page was still at work after {limit:.0f} s.")


@contextmanager
def served() -> Iterator[str]:
    """The address of a server of its own, with an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-u", "-m", "impasto", "serve", "--port", "0"]
        process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if match := re.search(r"http://[\w.:]+/?", line):
                    yield match[0]
                    break
        finally:
            process.terminate()
            process.wait(30)


def main() -> None:
    """Use the page, and write the animation."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--quality", type=int, default=50, metavar="N", help="of the frames [50]")
    parser.add_argument("--output", type=Path, default=ANIMATION, metavar="FILE")
    args = parser.parse_args()
    from playwright.sync_api import sync_playwright

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the server ends, too
    with served() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        size = {"width": WINDOW[0], "height": WINDOW[1]}
        film = Film(browser.new_page(viewport=size, color_scheme="light", locale="en"))
        film.page.goto(address)
        play(film)
        browser.close()
    args.output.parent.mkdir(exist_ok=True)
    film.save(args.output, args.quality)
    seconds, kilobytes = sum(film.durations) / 1000, args.output.stat().st_size / 1000
    print(f"{args.output}: {len(film.frames)} frames, {seconds:.0f} s, {kilobytes:.0f} kB")


if __name__ == "__main__":
    main()

"""Pages as a browser shows them: headless Chromium, where there is one.

Its window is at least 500 pixels wide, so a page is shown in a frame, which may be as narrow as a
telephone.
"""

from __future__ import annotations

import contextlib
import html
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")

CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""A camera that shows a moving test picture, for `opened_browser`."""

PAPER = {False: (0xFA, 0xF9, 0xF6), True: (0x17, 0x16, 0x14)}
"""The colour of a page, light and dark."""

_FRAMES = """<!doctype html>
<meta name="color-scheme" content="light dark">
<style>body {{ margin: 0 }} iframe {{ display: block; border: 0; height: {height}px }}</style>
{frames}
<script>
addEventListener("load", () => {{
  const told = [...document.querySelectorAll("iframe")].map((frame) => {{
    const page = frame.contentDocument, wide = frame.contentWindow.innerWidth;
    const scrolls = (element) => element !== page.body && element !== page.documentElement &&
      getComputedStyle(element).overflowX !== "visible";
    const inBox = (element) => {{
      while ((element = element.parentElement)) if (scrolls(element)) return true;
      return false;
    }};
    const out = [...page.body.querySelectorAll("*")]
      .filter((e) => e.getBoundingClientRect().right > wide + 1 && !inBox(e))
      .map((e) => e.outerHTML.slice(0, 80));
    const broken = [...page.querySelectorAll("img[src]")]
      .filter((image) => !image.naturalWidth).map((image) => image.alt);
    return {{ inner: wide, scroll: page.documentElement.scrollWidth, out, broken }};
  }});
  document.body.insertAdjacentHTML("beforeend", "<pre id=told></pre>");
  document.getElementById("told").textContent = JSON.stringify(told);
}});
</script>
"""


def screenshot(page: Path, width: int, height: int, *, dark: bool = False) -> NDArray[np.int_]:
    """The page in a window of that size: (height, width, 3), 0 to 255."""
    made = page.with_suffix(".shown.png")
    frames = _framed(page, [width], height)
    _run(frames, dark, f"--window-size={max(500, width)},{height}", f"--screenshot={made}")
    with Image.open(made) as image:
        return np.asarray(image.convert("RGB").crop((0, 0, width, height))).astype(int)


def shade(page: Path, width: int, *, dark: bool) -> float:
    """How bright letters and lines get: the lightest of a dark page, the darkest of a light one.

    From 0 to 1; pictures are left out.
    """
    bare = page.with_suffix(".bare.html")
    hidden = "<style>img { visibility: hidden }</style></head>"
    text = page.read_text(encoding="utf-8")
    bare.write_text(text.replace("</head>", hidden), encoding="utf-8")
    seen = screenshot(bare, width, 2400, dark=dark)
    assert tuple(seen[2, 2]) == PAPER[dark]
    bright = seen.mean(2) / 255
    return float(bright.max() if dark else bright.min())


def misfits(page: Path, widths: Sequence[int]) -> dict[int, list[str]]:
    """Width → what sticks out of the page sideways, and pictures that are not shown."""
    told = _run(_framed(page, widths, 900), False, "--window-size=1600,1000", "--dump-dom")
    found = re.search(r'<pre id="told">(.*?)</pre>', told, re.DOTALL)
    assert found, "The page did not load."
    misfit = {}
    for width, frame in zip(widths, json.loads(html.unescape(found[1])), strict=True):
        assert frame["inner"] == width
        too_wide = [f"{frame['scroll']} pixels wide"] if frame["scroll"] > width else []
        misfit[width] = [*too_wide, *frame["out"], *frame["broken"]]
    return misfit


def _framed(page: Path, widths: Sequence[int], height: int) -> Path:
    inner = html.escape(page.read_text(encoding="utf-8"))
    frames = [f'<iframe style="width: {width}px" srcdoc="{inner}"></iframe>' for width in widths]
    frame = page.with_suffix(".frames.html")
    frame.write_text(_FRAMES.format(height=height, frames="\n".join(frames)), encoding="utf-8")
    return frame


def _run(page: Path, dark: bool, *options: str) -> str:
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
               # One pixel of the picture is one of the page.
               "--force-device-scale-factor=1",
               f"--blink-settings=preferredColorScheme={0 if dark else 1}",
               *options, page.as_uri()]  # fmt: skip
    done = subprocess.run(command, check=True, capture_output=True, timeout=120)
    return done.stdout.decode("utf-8", "replace")


@contextlib.contextmanager
def opened_browser(playwright: Any, *arguments: str) -> Iterator[Any]:
    """Headless Chromium that Playwright drives.

    Args:
        playwright: The fixture of this name.
        arguments: For Chromium.
    """
    quiet = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update")  # fmt: skip
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*quiet, *arguments])
    try:
        yield browser
    finally:
        browser.close()

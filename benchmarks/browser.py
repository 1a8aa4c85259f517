"""Times, bytes and memory of the browser studio in headless Chromium, beside PyTorch.

    impasto web build -o site
    python benchmarks/browser.py site

Prints what a first visit loads and how long the first picture takes; the network at 512×512 beside
PyTorch in float32; live pictures a second at 256 px; and the memory of a picture of 4000 px.

The machine should have nothing else to do. Times of the browser and of PyTorch are taken in turn,
and their ratio is less disturbed by other programs than they are. ``--threads 1`` compares single
threads: the page has one where it is not isolated.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from PIL import Image
from playwright.sync_api import Browser, Page

import impasto
from impasto.images.samples import PAIRS
from impasto.onepass.stylizer import Stylizer

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from helpers.browser_site import chromium, give, painted, serving, set_value, wait_until

PHOTO = PAIRS["tuebingen-starry-night"].content_path
TURNS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("site", type=Path)
    parser.add_argument("--threads", type=int, choices=(1, 2), default=2)
    parser.add_argument("--parts", nargs="+", default=["first", "network", "live", "large"],
                        choices=["first", "network", "live", "large"])  # fmt: skip
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    with serving(args.site) as address, chromium() as browser:
        for part in args.parts:
            PARTS[part](browser, address, args)


def opened(browser: Browser, address: str, args: argparse.Namespace) -> Page:
    """The page in a new profile; without a service worker it has one thread."""
    context = browser.new_context(
        locale="en", service_workers="allow" if args.threads > 1 else "block"
    )
    page = context.new_page()
    page.set_default_timeout(300_000)
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    return page


def first_picture(browser: Browser, address: str, args: argparse.Namespace) -> None:
    """What a first visit loads, and the seconds to the first picture."""
    site = json.loads((args.site / "site.json").read_text())
    started = time.perf_counter()
    page = opened(browser, address, args)
    ready, work = time.perf_counter() - started, processor_seconds()
    page.click("[data-sample=tuebingen]")
    painted(page, 0)
    seconds, work = time.perf_counter() - started, processor_seconds() - work
    core = sum(site["files"][path] for path in site["core"])
    models = site["models"][0]["folder"]
    loaded = sum(size for path, size in site["files"].items() if path.startswith(models))
    runtime = sum(site["files"][path] for path in site["runtime"].values())
    pictures = sum(size for path, size in site["files"].items()
                   if path.startswith(("styles/", "samples/")))  # fmt: skip
    total = core + runtime + loaded + pictures
    print(f"page {core / 1e6:.2f}, runtime {runtime / 1e6:.2f}, model {loaded / 1e6:.2f}, "
          f"pictures {pictures / 1e6:.2f}, all {total / 1e6:.2f} MB")  # fmt: skip
    print(f"ready after {ready:.1f} s, the first picture {seconds - ready:.1f} s later, of which "
          f"{work:.1f} s of processor time: {page.inner_text('#told')}")  # fmt: skip
    page.context.close()


def network(browser: Browser, address: str, args: argparse.Namespace) -> None:
    """Seconds at 512×512 of the page, everything included, and of PyTorch in float32."""
    photo = impasto.read_image(PHOTO, long_side=700).tensor[..., :512, :512]
    stream = io.BytesIO()
    impasto.images.to_pil(photo).save(stream, "PNG")
    page = opened(browser, address, args)
    style = page.get_attribute("[data-style][aria-pressed=true]", "data-style")
    stylizer = Stylizer(str(style), precision="float32")
    set_value(page, "size", 512, tell=False)
    give(page, "photo", stream.getvalue())
    painted(page, 0)
    ours, theirs = [], []
    for turn in range(1, TURNS + 1):
        give(page, "photo", stream.getvalue())
        painted(page, turn)
        ours.append(page.evaluate("Number(document.body.dataset.seconds)"))
        started = time.perf_counter()
        stylizer.paint(photo)
        theirs.append(time.perf_counter() - started)
    print(f"512×512, {args.threads} threads: browser {min(ours):.3f} s, "
          f"PyTorch {min(theirs):.3f} s, ratio of the least ×{min(ours) / min(theirs):.1f}, "
          f"of the medians ×{np.median(ours) / np.median(theirs):.1f}")  # fmt: skip
    page.context.close()


def live(browser: Browser, address: str, args: argparse.Namespace) -> None:
    """Live pictures a second, of 256×256 px."""
    page = opened(browser, address, args)
    page.evaluate(
        "() => { const media = navigator.mediaDevices, ask = media.getUserMedia.bind(media);"
        "media.getUserMedia = () => ask({ video: { width: 512, height: 512 } }); }"
    )
    page.click("#live")
    told = "() => document.getElementById('told').textContent.includes('second')"
    wait_until(page, told)
    pictures = "Number(document.getElementById('after').dataset.pictures)"
    count, seconds, started = page.evaluate(pictures), processor_seconds(), time.perf_counter()
    page.wait_for_timeout(10_000)
    count = page.evaluate(pictures) - count
    seconds, elapsed = processor_seconds() - seconds, time.perf_counter() - started
    print(
        f"live, {args.threads} threads: {count / elapsed:.1f} pictures a second; each takes "
        f"{1000 * seconds / count:.0f} ms of processor time in all processes of the browser"
    )
    page.context.close()


def large(browser: Browser, address: str, args: argparse.Namespace) -> None:
    """The memory that a picture of 4000×3000 px takes, beside one of 1024 px."""
    for side in (1024, 4000):
        page = opened(browser, address, args)
        stream = io.BytesIO()
        Image.open(PHOTO).convert("RGB").resize((side, side * 3 // 4)).save(stream, "JPEG")
        page.eval_on_selector("#size", "(e) => { e.step = 'any'; }")
        set_value(page, "size", side, tell=False)
        give(page, "photo", stream.getvalue(), "photo.jpg")
        peak = 0.0
        while not page.evaluate("document.body.dataset.painted"):
            peak = max(peak, renderer_bytes())
            page.wait_for_timeout(50)
        print(f"{side} px: {peak / 1e6:.0f} MB at most in the page's process; "
              f"{page.inner_text('#told')}")  # fmt: skip
        page.context.close()


def processor_seconds() -> float:
    """Of all processes of the browser, so far."""
    total = 0.0
    for process in psutil.Process().children(recursive=True):
        times = process.cpu_times()
        total += times.user + times.system
    return total


def renderer_bytes() -> float:
    """Resident memory of the largest process that renders a page."""
    return max(map(rendering_bytes, psutil.Process().children(recursive=True)), default=0.0)


def rendering_bytes(process: psutil.Process) -> float:
    try:
        is_renderer = "--type=renderer" in " ".join(process.cmdline())
        return float(process.memory_info().rss) if is_renderer else 0.0
    except psutil.Error:  # it has ended
        return 0.0


PARTS: dict[str, Any] = {
    "first": first_picture,
    "network": network,
    "live": live,
    "large": large,
}

if __name__ == "__main__":
    main()

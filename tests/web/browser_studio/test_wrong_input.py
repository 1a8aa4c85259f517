"""What goes wrong is told in a sentence, and the page goes on."""

from __future__ import annotations

import struct
import zlib

import pytest
from playwright.sync_api import expect

from helpers.browser import needs_browser
from helpers.browser_site import give, painted, set_value

pytestmark = [pytest.mark.browser, needs_browser]

NO_STORAGE = """
const refuse = () => { throw new DOMException("denied", "SecurityError"); };
for (const name of ["localStorage", "sessionStorage", "caches"]) {
  Object.defineProperty(window, name, { get: refuse });
}
Object.defineProperty(Navigator.prototype, "serviceWorker", { get: refuse });
"""


def huge_png(width: int, height: int) -> bytes:
    """A black picture of one bit a pixel, which is small as a file."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    packer = zlib.compressobj(1)
    row = bytes(1 + width // 8)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">2I5B", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def says(page, words):
    expect(page.locator("#problem")).to_contain_text(words)
    expect(page.locator("#work")).to_be_hidden()


@pytest.fixture
def page(visitor):
    page = visitor.open()
    set_value(page, "size", 256, tell=False)
    return page


def test_files_that_are_not_pictures_too_large_or_too_narrow(page, photograph, plain_picture):
    give(page, "photo", b"%PDF-1.4 no picture")
    says(page, "not a picture that the browser can read")
    give(page, "photo", huge_png(12_000, 9_000))
    says(page, "108 megapixels")
    give(page, "photo", huge_png(4_000, 16))
    says(page, "too narrow")
    give(page, "own-style", b"no picture")
    says(page, "not a picture")
    give(page, "own-style", plain_picture)
    says(page, "single colour")
    assert page.locator('[data-style="photo.png"]').count() == 0
    give(page, "made-elsewhere", photograph)
    says(page, "no settings of Impasto")
    # After all that it paints.
    give(page, "photo", photograph)
    painted(page, 0)
    expect(page.locator("#problem")).to_be_hidden()


def test_a_browser_without_simd(visitor):
    page = visitor.open(script="WebAssembly.validate = () => false;", wait="failed")
    says(page, "WebAssembly SIMD")


def test_a_browser_that_keeps_nothing(visitor, photograph):
    page = visitor.open(script=NO_STORAGE)
    expect(page.locator("#kept")).to_contain_text("keeps nothing")
    set_value(page, "size", 256, tell=False)
    give(page, "photo", photograph)
    painted(page, 0)  # with one thread, as pages are not isolated without a service worker


def test_no_camera(visitor):
    script = "navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error('none'));"
    page = visitor.open(script=script)
    for button in ("live", "take"):
        page.click(f"#{button}")
        says(page, "There is no camera")


def test_a_site_whose_model_is_gone(visitor, photograph):
    page = visitor.open(service_workers="block")
    page.route("**/*.npy", lambda route: route.fulfill(status=404))
    give(page, "photo", photograph)
    says(page, "styles.npy could not be loaded")
    page.unroute("**/*.npy")
    set_value(page, "size", 256)  # and the next choice tries again
    painted(page, 0)
    visitor.said.clear()  # the browser's own line on the missing file


def test_a_runtime_that_cannot_be_loaded_at_first(visitor, photograph):
    broken = {"route": True}

    def answer(route):
        route.fulfill(status=404) if broken["route"] else route.continue_()

    page = visitor.open(service_workers="block", routes={"**/*.wasm.gz": answer})
    give(page, "photo", photograph)
    says(page, "wasm.gz could not be loaded")
    broken["route"] = False
    set_value(page, "size", 256)
    painted(page, 0)
    visitor.said.clear()  # the browser's own lines on the missing file

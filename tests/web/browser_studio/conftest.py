"""One site and one browser for all tests of the browser studio."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("playwright", reason="the browser is driven by playwright")

from playwright.sync_api import Browser, Playwright

from helpers.browser import CAMERA, opened_browser
from helpers.browser_site import Visitor, serving
from impasto import images
from impasto.cli.main import run
from impasto.images.samples import PAIRS


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site that a user gets by one command."""
    folder = tmp_path_factory.mktemp("site") / "site"
    assert run(["web", "build", "-o", str(folder), "--quiet"]) == 0
    return folder


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    with serving(site) as address:
        yield address


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """Has a camera that shows a moving test picture."""
    with opened_browser(playwright, *CAMERA) as browser:
        yield browser


@pytest.fixture
def visitor(browser: Browser, address: str) -> Iterator[Visitor]:
    """Visits the site; the console has no errors and no warnings after that."""
    visitor = Visitor(browser, address)
    yield visitor
    visitor.leave()
    assert visitor.said == []


def _png(path: Path, long_side: int) -> bytes:
    stream = io.BytesIO()
    images.to_pil(images.read(path, long_side=long_side).tensor).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="session")
def photograph() -> bytes:
    """A photograph, whose sides are no multiples of anything."""
    return _png(PAIRS["tuebingen-starry-night"].content_path, 275)


@pytest.fixture(scope="session")
def style_picture() -> bytes:
    return _png(PAIRS["tuebingen-starry-night"].style_path, 300)


@pytest.fixture(scope="session")
def other_style() -> bytes:
    return _png(PAIRS["lighthouse-great-wave"].style_path, 280)


@pytest.fixture(scope="session")
def plain_picture() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 48), (120, 40, 200)).save(stream, "PNG")
    return stream.getvalue()

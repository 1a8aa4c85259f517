"""Paintings of the browser have the pixels of `impasto stylize`, to two levels of 255."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import impasto
from helpers.browser import needs_browser
from helpers.browser_site import count, give, painted, pixels, saved, set_value, settled

pytestmark = [pytest.mark.browser, needs_browser]

NEAR = 2

LOOKS = {
    "its own size": {"size": 275},
    "reduced": {"size": 259, "strength": 0.4},
    "enlarged after painting": {"size": 900, "colour": "content"},
    "enlarged, and weak": {"size": 1000, "strength": 0.6, "scale": 1},
    "enlarged before painting": {"size": 300, "scale": -0.5},
    "in greys": {"size": 320, "colour": "luminance", "strength": 0.7},
}


@pytest.fixture(scope="module")
def visit(browser, address):
    from helpers.browser_site import Visitor

    visitor = Visitor(browser, address)
    yield visitor
    visitor.leave()
    assert visitor.said == []


@pytest.fixture(scope="module")
def page(visit):
    return visit.open()


def compare(page, photograph, styles, *, size, strength=1.0, scale=0.0, colour="style"):
    """Largest difference from Impasto's painting of the same."""
    for field, value in (("size", size), ("strength", strength), ("scale", scale)):
        page.eval_on_selector(f"#{field}", "e => { e.step = 'any'; }")
        set_value(page, field, value, tell=False)
    set_value(page, "colour", colour, tell=False)
    settled(page)  # after the choice of a style
    before = count(page)
    give(page, "photo", photograph)
    painted(page, before)
    expected = impasto.stylize(
        Image.open(io.BytesIO(photograph)), styles, size=size, strength=strength,
        style_scale=2.0**scale, colour=colour, precision="float32",
    ).image.convert("RGB")  # fmt: skip
    got = pixels(saved(page))
    assert got.shape == (expected.height, expected.width, 3)
    return np.abs(got - np.asarray(expected).astype(int)).max()


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_named_style(page, photograph, look):
    page.click("[data-style=great-wave]")
    assert compare(page, photograph, "great-wave", **look) <= NEAR


@pytest.mark.parametrize("look", ["its own size", "enlarged, and weak", "in greys"])
def test_style_of_ones_own(page, photograph, style_picture, look):
    if not page.locator('[data-style="night.png"]').count():
        give(page, "own-style", style_picture, "night.png")
        page.wait_for_selector('[data-style="night.png"]')
    page.click('[data-style="night.png"]')
    style = Image.open(io.BytesIO(style_picture))
    assert compare(page, photograph, style, **LOOKS[look]) <= NEAR


def test_what_the_network_is_given(page, photograph):
    """A photograph that is reduced before it is painted: the same filter as Impasto's."""
    large = Image.open(io.BytesIO(photograph)).resize((1400, 1061), Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    large.save(stream, "PNG")
    page.click("[data-style=scream]")
    assert compare(page, stream.getvalue(), "scream", size=333) <= NEAR

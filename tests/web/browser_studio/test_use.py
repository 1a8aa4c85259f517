"""What a person does with the browser studio, in a real browser."""

from __future__ import annotations

import base64
import io
import json
import shlex

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from helpers.browser import needs_browser
from helpers.browser_site import (
    count,
    drop,
    give,
    painted,
    paste,
    pixels,
    saved,
    set_value,
    wait_until,
)
from impasto import images
from impasto.cli.main import run
from impasto.jobs.request_json import from_json

pytestmark = [pytest.mark.browser, needs_browser]

SMALL = 256


@pytest.fixture
def page(visitor):
    page = visitor.open()
    set_value(page, "size", SMALL, tell=False)
    return page


def shown(page):
    """The canvas of the painting, (height, width, 3)."""
    script = "document.getElementById('after').toDataURL().split(',')[1]"
    return pixels(base64.b64decode(page.evaluate(script)))


def test_a_dropped_photograph_is_painted_at_once_and_styles_change_it(page, photograph):
    drop(page, "#view", photograph, "town.png")
    painted(page, 0)
    first = shown(page)
    assert max(first.shape) == SMALL
    page.click("[data-style=great-wave]")
    painted(page, 1)
    assert np.abs(shown(page) - first).mean() > 5
    assert page.get_attribute("[data-style=great-wave]", "aria-pressed") == "true"
    expect(page.locator("#told")).to_contain_text(f"{SMALL}×")


def test_a_photograph_is_pasted_or_one_of_the_samples(page, photograph):
    paste(page, photograph)
    painted(page, 0)
    pasted = shown(page)
    give(page, "photo", photograph)
    painted(page, 1)
    assert np.array_equal(shown(page), pasted)


def test_a_sample_is_painted_by_the_keyboard_alone(page):
    page.focus("[data-sample=lighthouse]")
    page.keyboard.press("Enter")
    painted(page, 0)
    page.focus("[data-style=scream]")
    page.keyboard.press("Space")
    painted(page, 1)
    page.focus("#compare")
    page.keyboard.press("Space")
    page.focus("#divide")
    before = page.input_value("#divide")
    page.keyboard.press("ArrowRight")
    assert page.input_value("#divide") != before
    page.focus("#strength")
    page.keyboard.press("ArrowLeft")
    painted(page, 2)


def test_strength_colours_and_strokes_change_the_painting(page, photograph):
    give(page, "photo", photograph)
    painted(page, 0)
    looks = [shown(page)]
    for field, value in (("strength", 0), ("strength", 1), ("colour", "content"), ("scale", 1)):
        before = count(page)
        set_value(page, field, value)
        painted(page, before)
        looks.append(shown(page))
    source = pixels(photograph)
    size = (looks[0].shape[1], looks[0].shape[0])
    small = np.asarray(Image.fromarray(source.astype(np.uint8)).resize(size)).astype(int)
    far = [np.abs(look - small).mean() for look in looks]
    assert far[1] < 0.5 * far[0]  # without the style it is the photograph, or nearly
    # The photograph's colours: means of the channels' differences.
    chroma = [np.abs(look - small - (look - small).mean(2, keepdims=True)).mean() for look in looks]
    assert np.array_equal(looks[2], looks[0])
    assert chroma[3] < 0.7 * chroma[2]
    assert np.abs(looks[4] - looks[3]).mean() > 0.5


def test_two_styles_are_mixed(page, photograph):
    give(page, "photo", photograph)
    painted(page, 0)
    page.click("[data-style=great-wave]")
    painted(page, 1)
    first = shown(page)
    page.click("#mix")
    expect(page.locator("#mix-hint")).to_be_visible()
    page.click("[data-style=scream]")
    painted(page, 2)
    even = shown(page)
    expect(page.locator("#mix-second")).to_contain_text("scream 50 %")
    set_value(page, "mix-share", 5)
    painted(page, 3)
    nearly = shown(page)
    assert np.abs(nearly - first).mean() < 0.5 * np.abs(even - first).mean()
    page.click("#mix")
    painted(page, 4)
    assert np.array_equal(shown(page), first)


def test_a_style_of_ones_own(page, photograph, style_picture):
    give(page, "photo", photograph)
    painted(page, 0)
    first = shown(page)
    drop(page, "#style-part", style_picture, "night.png")
    painted(page, 1)
    assert np.abs(shown(page) - first).mean() > 5
    assert page.get_attribute('[data-style="night.png"]', "aria-pressed") == "true"


def test_before_and_after_follow_the_pointer(page, photograph):
    give(page, "photo", photograph)
    painted(page, 0)
    page.click("#compare")
    box = page.locator("#pictures").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, middle)
    page.mouse.up()
    assert 23 <= int(page.input_value("#divide")) <= 27
    assert "75%" in page.eval_on_selector("#before", "e => e.style.clipPath")
    page.click("#compare")
    expect(page.locator("#before")).to_be_hidden()


def test_a_saved_picture_holds_its_request_and_brings_it_back(
    page, visitor, photograph, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "town.png").write_bytes(photograph)
    page.click("[data-style=kiss]")
    page.click("#mix")
    page.click("[data-style=scream]")
    set_value(page, "mix-share", 30, tell=False)
    set_value(page, "strength", 0.8, tell=False)
    set_value(page, "colour", "content", tell=False)
    give(page, "photo", photograph, "town.png")
    painted(page, 0)
    data = saved(page)
    (tmp_path / "made.png").write_bytes(data)
    request = from_json(images.read_metadata("made.png")["request"])
    assert (request.size, request.strength, request.colour) == (SMALL, 0.8, "content")
    assert [(style.source, style.weight) for style in request.styles] == [
        ("kiss", 0.7),
        ("scream", 0.3),
    ]
    # Impasto paints it again, to the same pixels but for rounding.
    assert run(["rerun", "made.png", "-o", "again.png", "--precision", "float32"]) == 0
    again = pixels((tmp_path / "again.png").read_bytes())
    assert np.abs(again - pixels(data)).max() <= 2
    # So does the command that the page names.
    page.click("#command-part summary")
    words = shlex.split(page.inner_text("#command"))
    assert words[0] == "impasto"
    assert run([*words[1:-1], "command.png", "--precision", "float32"]) == 0
    assert np.array_equal(pixels((tmp_path / "command.png").read_bytes()), again)
    # A new page has the same settings after the picture is dropped.
    other = visitor.open()
    drop(other, "#view", data, "made.png")
    expect(other.locator("#told")).to_contain_text("Add the photograph again")
    assert other.input_value("#strength") == "0.8"
    assert other.input_value("#colour") == "content"
    give(other, "photo", photograph, "town.png")
    painted(other, 0)
    assert np.array_equal(pixels(saved(other)), pixels(data))


def test_settings_of_a_picture_that_impasto_painted(page, photograph, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "town.png").write_bytes(photograph)
    words = ["--style", "great-wave", "--size", "300", "--strength", "0.55", "--style-scale", "1.5"]
    for name in ("made.png", "made.jpg"):
        assert run(["stylize", "town.png", *words, "-o", name]) == 0
        set_value(page, "strength", 1, tell=False)
        give(page, "made-elsewhere", (tmp_path / name).read_bytes(), name)
        expect(page.locator("#strength-shown")).to_have_text("55 %")
        assert page.input_value("#size") == "300"
        assert page.inner_text("#scale-shown") == "1.5×"
        assert page.get_attribute("[data-style=great-wave]", "aria-pressed") == "true"


def test_what_the_page_cannot_do_is_said(page):
    request = {"version": 1, "kind": "stylize", "content": "a.png", "size": 9000, "strength": 1,
               "style_scale": 1, "colour": "match", "styles": [{"source": "scream"}]}  # fmt: skip
    picture = io.BytesIO()
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_itxt("impasto", json.dumps({"request": json.dumps(request)}))
    Image.new("RGB", (8, 8)).save(picture, "PNG", pnginfo=info)
    give(page, "made-elsewhere", picture.getvalue())
    expect(page.locator("#told")).to_contain_text("command line")


def test_live_pictures_of_a_camera(page):
    page.click("#live")
    expect(page.locator("#told")).to_contain_text("pictures a second")
    first = shown(page)
    assert max(first.shape) == 256
    page.wait_for_timeout(1500)
    assert np.abs(shown(page) - first).mean() > 0.1  # the test picture moves
    page.click("#freeze")
    painted(page, 0)
    expect(page.locator("#live")).to_have_attribute("aria-pressed", "false")
    assert max(pixels(saved(page)).shape) == SMALL


def test_the_photograph_comes_back_after_live_pictures(page, photograph):
    give(page, "photo", photograph)
    painted(page, 0)
    page.click("#live")
    expect(page.locator("#told")).to_contain_text("pictures a second")
    expect(page.locator("#compare")).to_be_hidden()
    page.click("#live")
    painted(page, 1)
    page.click("#compare")
    expect(page.locator("#before")).to_be_visible()


def test_a_photograph_is_taken(page):
    page.click("#take")
    expect(page.locator("#camera")).to_be_visible()
    wait_until(page, "() => document.getElementById('video').videoWidth > 0")
    page.click("#shoot")
    painted(page, 0)
    assert shown(page).std() > 5

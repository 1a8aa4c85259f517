"""The page in a real browser: what a person does, from the photograph to the saved picture."""

from __future__ import annotations

import io
import os
import re

import numpy as np
import pytest
from PIL import Image

from helpers.web_client import PAINTING, PHOTO, png_bytes, serving

pytest.importorskip("playwright", reason="the browser is driven by playwright")
from playwright.sync_api import Page, expect

from helpers.browser import CHROMIUM
from helpers.studio_page import (
    PATIENCE,
    SIDEWAYS,
    WIDTHS,
    give,
    job_of,
    made,
    next_job,
    paint,
    saved,
    set_slider,
    stroke,
    violations,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium"),
]


def test_a_photograph_and_a_style_give_a_picture_at_once(open_page):
    page = open_page()
    expect(page.locator("#quick")).to_be_disabled()
    give(page, "photo", PHOTO)
    page.click("[data-style=great-wave]")
    made(page)
    assert re.search(r"#job=[\w-]{32}$", page.url)
    expect(page.locator("#told")).to_contain_text("Finished")
    picture = Image.open(io.BytesIO(saved(page, "save-png")))
    assert (picture.format, picture.size) == ("PNG", (256, 192))  # enlarged four times at most
    assert Image.open(io.BytesIO(saved(page, "save-jpeg"))).format == "JPEG"
    assert Image.open(io.BytesIO(saved(page, "save-tiff"))).format == "TIFF"


def test_a_painting_emerges_is_stopped_kept_and_goes_on(open_page):
    page = open_page()
    give(page, "photo", png_bytes(256, 192, seed=1))
    give(page, "own-style", PAINTING, "mine.png")
    expect(page.locator("#chosen")).to_contain_text("mine.png")
    made(page)
    paint(page)
    expect(page.locator("#after")).to_have_attribute("src", re.compile("preview"))
    first = page.get_attribute("#after", "src")
    expect(page.locator("#after")).not_to_have_attribute("src", first)
    page.click("#stop")
    expect(page.locator("#told")).to_contain_text("kept")
    expect(page.locator("#resume")).to_be_visible()
    page.click("#resume")
    expect(page.locator("#status")).to_contain_text("step")
    page.click("#stop")
    made(page)


def test_a_job_is_found_again_after_the_tab_was_closed(open_page):
    page = open_page()
    give(page, "photo", png_bytes(256, 192, seed=1))
    give(page, "own-style", PAINTING)
    made(page)
    paint(page)
    link = page.url.rpartition("/")[2]
    page.close()
    page = open_page(path=link)  # another browser, which has the link
    expect(page.locator("#after")).to_have_attribute("src", re.compile("preview|result"))
    page.click("#stop")
    made(page)


def test_two_tabs_and_a_reload_follow_the_same_job(open_page):
    page = open_page()
    give(page, "photo", png_bytes(256, 192, seed=1))
    give(page, "own-style", PAINTING)
    made(page)
    paint(page)
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("#status")).to_contain_text("step")
    page.reload()
    expect(page.locator("#status")).to_contain_text("step")
    expect(page.locator("#made button[aria-current]")).to_have_count(1)
    other.click("#stop")
    for tab in (page, other):
        made(tab)
        expect(tab.locator("#told")).to_contain_text("kept")
        expect(tab.locator("#resume")).to_be_visible()


def test_settings_are_restored_from_the_history_and_from_a_file(open_page):
    page = open_page()
    set_slider(page, "strength", 0.5)
    page.select_option("#colour", "content")
    give(page, "photo", PHOTO)
    next_job(page, lambda: page.click("[data-style=starry-night]"))
    made(page)
    next_job(page, lambda: page.click("#quick"))
    made(page)
    file = saved(page, "save-png")
    expect(page.locator("#made button")).to_have_count(1)
    page.click("[data-style=starry-night]")  # without a style, no picture comes by itself
    set_slider(page, "strength", 0.2)
    page.select_option("#colour", "match")
    page.click("#restore")
    for field, value in (("strength", "0.5"), ("colour", "content")):
        assert page.input_value(f"#{field}") == value
    expect(page.locator("[data-style=starry-night]")).to_have_attribute("aria-pressed", "true")
    other = open_page()
    give(other, "made-elsewhere", file)
    expect(other.locator("#told")).to_contain_text("settings")
    for field, value in (("strength", "0.5"), ("colour", "content")):
        assert other.input_value(f"#{field}") == value
    expect(other.locator("[data-style=starry-night]")).to_have_attribute("aria-pressed", "true")
    give(other, "made-elsewhere", PHOTO)
    expect(other.locator("#problem")).to_contain_text("no settings")


def test_several_styles_have_weights(open_page):
    page = open_page()
    give(page, "photo", PHOTO)
    page.click("[data-style=starry-night]")
    assert page.locator("#chosen input").count() == 0
    page.click("[data-style=great-wave]")
    assert page.locator("#chosen input").count() == 2
    expect(page.locator("#paint")).to_be_enabled()
    page.click("[data-style=scream]")
    expect(page.locator("#paint")).to_be_disabled()
    expect(page.locator("#hint")).to_contain_text("needs a picture")
    made(page)


def test_before_and_after_and_one_to_one(open_page):
    page = open_page()
    give(page, "photo", PHOTO)
    page.click("[data-style=starry-night]")
    made(page)
    page.click("#compare")
    expect(page.locator("#divide")).to_be_visible()
    page.focus("#divide")
    page.keyboard.press("ArrowRight")
    assert page.input_value("#divide") == "51"
    box = page.locator("#pictures").bounding_box()
    seen = "([x, y]) => document.elementFromPoint(x, y).id"
    middle = box["y"] + box["height"] / 2
    assert page.evaluate(seen, [box["x"] + 0.4 * box["width"], middle]) == "before"
    assert page.evaluate(seen, [box["x"] + 0.6 * box["width"], middle]) == "after"
    page.click("#actual")
    box = page.locator("#after").bounding_box()
    assert (round(box["width"]), round(box["height"])) == (256, 192)


def test_a_brushed_part_stays_a_photograph(open_page):
    page = open_page()
    give(page, "photo", PHOTO)
    page.click("[data-style=starry-night]")
    made(page)
    page.click("#mask")
    set_slider(page, "brush-size", 30)
    next_job(page, lambda: stroke(page, "#brush", [(0.2, 0.2), (0.2, 0.8)]))
    made(page)
    picture = np.asarray(Image.open(io.BytesIO(saved(page, "save-png"))).convert("RGB"))
    photo = Image.open(io.BytesIO(PHOTO)).convert("RGB").resize(picture.shape[1::-1])
    apart = np.abs(picture.astype(int) - np.asarray(photo).astype(int)).mean(-1)
    assert apart[60:130, 40:60].mean() < 0.5 * apart[:, 150:].mean()
    next_job(page, lambda: page.click("#undo"))


def test_delete_forgets_the_picture(open_page, studio):
    page = open_page()
    give(page, "photo", PHOTO)
    page.click("[data-style=starry-night]")
    made(page)
    job = job_of(page)
    page.click("#forget")
    expect(page.locator("#told")).to_contain_text("deleted")
    expect(page.locator("#made button")).to_have_count(0)
    assert studio.client.get(f"/api/jobs/{job}").status == 404


def test_mistakes_are_told(open_page):
    page = open_page()
    give(page, "photo", b"no picture at all", "photo.png")
    page.click("[data-style=starry-night]")
    expect(page.locator("#problem")).to_contain_text("content is")
    page.set_input_files(
        "#photo", {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"text"}
    )
    expect(page.locator("#problem")).to_contain_text("not a picture")


def test_two_languages(open_page):
    page = open_page(locale="zh-CN")
    assert page.get_attribute("html", "lang") == "zh-Hans"
    expect(page.locator("#paint")).to_have_text("精细绘制")
    page.click("#tab-texture")
    expect(page.locator("#paint")).to_have_text("生成纹理")
    expect(page.locator("#empty-title")).to_have_text("没有内容的笔触")
    page.click("#tab-paint")
    page.click("#language")
    expect(page.locator("#paint")).to_have_text("Paint it")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(page.locator("#paint")).to_have_text("Paint it")


def test_the_keyboard_reaches_everything(open_page):
    page = open_page()
    give(page, "photo", PHOTO)
    focused = "document.activeElement.id || document.activeElement.dataset.style || ''"
    seen = set()
    for _ in range(90):
        page.keyboard.press("Tab")
        now = page.evaluate(focused)
        if now == "great-wave" and now not in seen:
            page.keyboard.press("Space")  # which chooses it
        seen.add(now)
    assert {"language", "photo", "great-wave", "own-style", "strength", "size", "colour", "quick",
            "view", "made-elsewhere"} <= seen  # fmt: skip
    expect(page.locator("#chosen")).to_contain_text("great wave")


UNNAMED = """() => [...document.querySelectorAll("button, a, input, select, progress, img")]
  .filter((e) => e.offsetParent !== null || e.classList.contains("hidden-input"))
  .filter((e) => e.tagName === "IMG" ? !e.hasAttribute("alt")
    : !(e.textContent.trim() || e.getAttribute("aria-label") || e.labels?.length))
  .map((e) => e.outerHTML.slice(0, 90))"""

FAINT = """() => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (level) => level <= 10.3 ? level / 3294.6 : ((level / 255 + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const colour = parts(getComputedStyle(e).backgroundColor);
      if ((colour[3] ?? 1) === 1) return light(colour);
    }
    return 1;
  };
  const hasText = (e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  const contrast = (e) => {
    const [a, b] = [light(parts(getComputedStyle(e).color)), ground(e)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  return [...document.querySelectorAll("h1, h2, p, label, legend, button, a, span, output, li")]
    .filter((e) => e.offsetParent && hasText(e) && !e.closest(":disabled"))
    .filter((e) => getComputedStyle(e).position !== "absolute" && contrast(e) < 4.5)
    .map((e) => `${contrast(e).toFixed(2)} ${e.outerHTML.slice(0, 80)}`);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", WIDTHS)
def test_the_page_fits_and_can_be_read(open_page, device, scheme):
    """Nothing sticks out, everything has a name, and letters have a contrast of 4.5 or more."""
    width, height = WIDTHS[device]
    page = open_page(width, height, color_scheme=scheme)
    page.click("#sample")
    for style in ("starry-night", "great-wave"):
        next_job(page, lambda style=style: page.click(f"[data-style={style}]"))
        made(page)
    page.click("#compare")
    check(page, f"{device}-{scheme}")
    for _ in range(2):  # the first takes the place of the one that came by itself
        next_job(page, lambda: page.click("#quick"))
        made(page)
    expect(page.locator("#made input")).to_have_count(2)
    for at in (0, 1):
        page.locator("#made input").nth(at).click()
    check(page, f"{device}-{scheme}-two")
    page.click("#pair-close")
    made(page)
    page.click("#copy-code")
    expect(page.locator("#code-dialog")).to_be_visible()
    check(page, f"{device}-{scheme}-code")
    page.click("#code-close")
    page.click("#crop-photo")
    check(page, f"{device}-{scheme}-crop")
    page.click("#crop-cancel")
    page.click("#mask")
    stroke(page, "#brush", [(0.2, 0.2), (0.8, 0.2)])
    page.click("#add-region")
    page.select_option("#region-how", "1")
    expect(page.locator("#style-brush")).to_be_visible()
    check(page, f"{device}-{scheme}-regions")
    for tab in ("texture", "reconstruct", "video"):
        page.click(f"#tab-{tab}")
        check(page, f"{device}-{scheme}-{tab}")


def check(page: Page, name: str) -> None:
    """Nothing sticks out, everything has a name and can be read; axe finds nothing serious."""
    assert page.evaluate(SIDEWAYS) == 0, name
    assert page.evaluate(UNNAMED) == [], name
    assert page.evaluate(FAINT) == [], name
    sizes = page.eval_on_selector_all(
        "main button, main .button, dialog button", "all => all.filter(e => e.offsetParent)"
        ".map(e => Math.min(e.offsetWidth, e.offsetHeight))"
    )  # fmt: skip
    assert min(sizes) >= 24, name  # WCAG 2.2, target size
    assert violations(page) == [], name
    if folder := os.environ.get("IMPASTO_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_the_page_for_programs(open_page):
    page = open_page(path="api")
    expect(page.locator("#routes tr").first).to_be_visible()
    assert page.locator("#schemas details").count() > 5
    assert page.evaluate(SIDEWAYS) == 0


def test_a_token_is_asked_for(chromium):
    with serving("--token") as server:
        token = server.address.partition("#token=")[2]
        page = chromium.new_page()
        page.set_default_timeout(PATIENCE)
        address = f"http://127.0.0.1:{server.port}/"
        page.goto(address)
        expect(page.locator("#token-dialog")).to_be_visible()
        page.fill("#token", "wrong")
        page.click("#token-form button")
        expect(page.locator("#token-problem")).to_contain_text("not the server's token")
        page.fill("#token", token)
        page.click("#token-form button")
        page.wait_for_selector("body[data-ready]")
        page.close()
        page = chromium.new_context().new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(server.address)
        page.wait_for_selector("body[data-ready]")
        assert page.url == address  # the token is not left in the address
        page.close()

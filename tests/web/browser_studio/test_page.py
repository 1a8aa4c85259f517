"""The page: without a network, at all widths, light and dark, in both languages, for everyone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from helpers.browser import needs_browser
from helpers.browser_site import Visitor, give, painted, saved, serving, set_value

pytestmark = [pytest.mark.browser, needs_browser]

WIDTHS = {"phone": (360, 780), "desk": (1400, 900)}

TOO_WIDE = """() => {
  const wide = document.documentElement.clientWidth;
  const scrolls = (e) => e && e !== document.body &&
    (getComputedStyle(e).overflowX !== "visible" || scrolls(e.parentElement));
  const sticksOut = (e) => {
    const box = e.getBoundingClientRect();
    return box.width && box.right > wide + 1 && !scrolls(e.parentElement) &&
      !e.closest(".skip, .heard");
  };
  return [...document.querySelectorAll("body *")].filter(sticksOut)
    .map((e) => e.outerHTML.slice(0, 80));
}"""

WITHOUT_NAME = """() => {
  const kinds = "button, input, select, summary, canvas, progress, [role]";
  const isNamed = (e) => e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") ||
    e.textContent.trim() || e.labels?.length || e.id === "told" || e.id === "problem";
  return [...document.querySelectorAll(kinds)].filter((e) => e.checkVisibility() && !isNamed(e))
    .map((e) => e.outerHTML.slice(0, 80));
}"""

SMALL_TARGETS = """() => [...document.querySelectorAll("button, .button, select, summary")]
  .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 24)
  .map((e) => e.outerHTML.slice(0, 80))"""

CONTRAST = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const linear = (v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * linear(r) + .7152 * linear(g) + .0722 * linear(b);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] > .99) return colour;
    }
    return [255, 255, 255];
  };
  const isText = (e) => e.checkVisibility() &&
    [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  const isPoor = (e) => {
    const both = [light(rgb(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    return (both[0] + .05) / (both[1] + .05) < 4.5;
  };
  const kinds = "p, span, button, label, output, legend, summary, option, h1, h2, pre";
  return [...document.querySelectorAll(kinds)].filter((e) => isText(e) && isPoor(e))
    .map((e) => e.outerHTML.slice(0, 80));
}"""

NOT_CHINESE = """() => [...document.querySelectorAll("[data-text]")]
  .filter((e) => !/[\\u4e00-\\u9fff]/.test(e.textContent) && e.textContent !== "1:1")
  .map((e) => e.dataset.text)"""

TEXTS = Path(__file__).parents[3] / "browser" / "src" / "texts.ts"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_fits_and_can_be_read(visitor, photograph, width, scheme):
    page = visitor.open(*WIDTHS[width], color_scheme=scheme)
    for step in range(2):
        assert page.evaluate(TOO_WIDE) == []
        assert page.evaluate(WITHOUT_NAME) == []
        assert page.evaluate(SMALL_TARGETS) == []
        assert page.evaluate(CONTRAST) == []
        if step == 0:
            set_value(page, "size", 256, tell=False)
            give(page, "photo", photograph)
            painted(page, 0)
            page.click("#compare")
            page.click("#mix")
            page.click("#command-part summary")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, paper[4:-1].split(","))) < 200) == (scheme == "dark")


def test_chinese(visitor):
    page = visitor.open(locale="zh-CN")
    assert page.get_attribute("html", "lang") == "zh-Hans"
    assert page.evaluate(NOT_CHINESE) == []
    page.click("#language")
    expect(page.locator("#live")).to_have_text("Live camera")


def test_both_languages_have_the_same_texts():
    """Every sentence that the page can say is there in both languages."""

    def keys(part):
        lines = [line for line in part.splitlines() if line.startswith("    ")]
        return [line.split(": ")[0].strip(' "') for line in lines]

    english, chinese = TEXTS.read_text(encoding="utf-8").split("  zh: {")
    assert keys(english) == keys(chinese)
    assert len(keys(english)) > 30


def test_paints_without_a_network_after_the_first_visit(browser, site, photograph, style_picture):
    with serving(site) as address:
        visitor = Visitor(browser, address)
        page = visitor.open()
        set_value(page, "size", 256, tell=False)
        give(page, "photo", photograph)
        painted(page, 0)
        first = saved(page)
        expect(page.locator("#kept")).to_contain_text("without a network")
    # The server is gone.
    page.reload()
    page.wait_for_selector("body[data-ready]")
    set_value(page, "size", 256, tell=False)
    give(page, "photo", photograph)
    painted(page, 0)
    assert saved(page)[-2000:] == first[-2000:]  # the same pixels
    # Also what was not used before.
    give(page, "own-style", style_picture, "own.png")
    painted(page, 1)
    visitor.leave()
    assert visitor.said == []


def test_threads_on_a_host_that_sets_no_headers(visitor):
    page = visitor.open()
    assert page.evaluate("crossOriginIsolated")
    assert page.evaluate("typeof SharedArrayBuffer") == "function"


def test_nothing_leaves_the_machine(visitor, address, site, photograph):
    """Every request is for a file of the site; the policy in the page allows no others."""
    page = visitor.open()
    asked: list[tuple[str, str]] = []
    page.on("request", lambda request: asked.append((request.method, request.url)))
    set_value(page, "size", 256, tell=False)
    give(page, "photo", photograph)
    painted(page, 0)
    others = [url for _, url in asked if not url.startswith((address, f"blob:{address}"))]
    assert others == []
    assert {method for method, _ in asked} == {"GET"}
    refused = page.evaluate("fetch('https://example.org/').then(() => 'sent', () => 'refused')")
    assert refused == "refused"
    visitor.said.clear()  # the browser's own line on what it refused


def test_the_first_picture_loads_at_most_ten_megabytes(browser, address, site, photograph):
    visitor = Visitor(browser, address)
    page = visitor.open(service_workers="block")  # so that each file is asked for once, and is seen
    asked: set[str] = set()
    page.on("requestfinished", lambda request: asked.add(request.url.removeprefix(address)))
    page.reload()
    page.wait_for_selector("body[data-ready]")
    set_value(page, "size", 256, tell=False)
    give(page, "photo", photograph)
    painted(page, 0)
    sizes = json.loads((site / "site.json").read_text())["files"]
    loaded = sum(sizes.get(path or "index.html", 0) for path in asked)
    visitor.leave()
    assert 2e6 < loaded <= 10e6

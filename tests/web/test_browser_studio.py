"""What the page has beside painting: tabs, regions, crop, results side by side, copies as text."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.web_client import PAINTING, PHOTO, png_bytes

pytest.importorskip("playwright", reason="the browser is driven by playwright")
from playwright.sync_api import Page, expect

from helpers.browser import CHROMIUM
from helpers.studio_page import (
    give,
    job_of,
    made,
    next_job,
    saved,
    set_slider,
    stroke,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: apt-get install chromium"),
]


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def painted(page: Page, style: str = "starry-night", photo: bytes = PHOTO) -> None:
    """The picture in one pass, which comes by itself."""
    give(page, "photo", photo)
    next_job(page, lambda: page.click(f"[data-style={style}]"))
    made(page)


def test_tabs_are_chosen_with_the_arrow_keys(open_page):
    page = open_page()
    page.focus("#tab-paint")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-texture")).to_be_focused()
    expect(page.locator("#tab-texture")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#panel")).to_have_attribute("aria-labelledby", "tab-texture")
    expect(page.locator("#photo-part")).to_be_hidden()
    expect(page.locator("#tileable")).to_be_visible()
    expect(page.locator("#paint")).to_have_text("Make the texture")
    page.keyboard.press("End")
    expect(page.locator("#clip-part")).to_be_visible()
    expect(page.locator("#quick")).to_be_hidden()
    page.keyboard.press("ArrowRight")  # around
    expect(page.locator("#tab-paint")).to_be_focused()
    assert page.locator("[role=tab][tabindex='0']").count() == 1


def test_a_texture_is_made_repeated_and_restored(open_page):
    page = open_page()
    page.click("#tab-texture")
    page.click("[data-style=scream]")
    expect(page.locator("#hint")).to_contain_text("needs a picture")
    page.click("[data-style=scream]")
    give(page, "own-style", PAINTING)
    set_slider(page, "size", 256)
    page.select_option("#shape", "2:3")
    page.check("#tileable")
    page.fill("#seed", "7")
    page.click("#paint")
    expect(page.locator("#status")).to_contain_text("step")
    page.click("#stop")
    made(page)
    picture = saved(page, "save-png")
    width, height = opened(picture).size  # it is still small
    assert width / height == pytest.approx(2 / 3, abs=0.1)
    page.click("#repeat")
    expect(page.locator("#repeated img")).to_have_count(9)
    page.click("#tab-paint")
    page.select_option("#shape", "1:1", force=True)
    give(page, "made-elsewhere", picture)
    expect(page.locator("#tab-texture")).to_have_attribute("aria-selected", "true")
    assert page.input_value("#shape") == "2:3"
    assert page.input_value("#seed") == "7"
    assert page.input_value("#size") == "256"
    expect(page.locator("#tileable")).to_be_checked()


def test_a_reconstruction(open_page):
    page = open_page()
    page.click("#tab-reconstruct")
    give(page, "photo", PHOTO)
    set_slider(page, "size", 128)
    page.select_option("#source", "style")
    page.select_option("#layer", "2")
    page.click("#paint")
    expect(page.locator("#status")).to_contain_text("step")
    page.click("#stop")
    made(page)
    width, height = opened(saved(page, "save-png")).size  # it is still small
    assert width / height == pytest.approx(4 / 3, abs=0.05)
    page.click("#copy-code")
    expect(page.locator("#command")).to_contain_text("--style-layers relu1_1=0.5,relu2_1=0.5")
    page.keyboard.press("Escape")
    page.click("#compare")
    expect(page.locator("#divide")).to_be_visible()


def test_a_clip_is_painted_shown_and_restored(open_page, tmp_path):
    pytest.importorskip("av")
    pytest.importorskip("cv2")
    from helpers.clips import make_clip

    make_clip(tmp_path / "clip.mp4", 6)
    page = open_page()
    page.click("#tab-video")
    expect(page.locator("#hint")).to_contain_text("A clip and a style")
    page.set_input_files("#clip-file", tmp_path / "clip.mp4")
    page.click("[data-style=great-wave]")
    set_slider(page, "size", 256)
    set_slider(page, "steady", 0.5)
    next_job(page, lambda: page.click("#paint"))
    expect(page.locator("#save-clip")).to_be_visible()
    expect(page.locator("#save-clip")).to_have_text("Save as MP4")
    expect(page.locator("#film")).to_be_visible()
    expect(page.locator("#save-png")).to_be_hidden()
    clip = saved(page, "save-clip")
    assert clip[4:8] == b"ftyp"
    page.click("#tab-paint")
    set_slider(page, "steady", 1)
    page.set_input_files(
        "#made-elsewhere", {"name": "made.mp4", "mimeType": "video/mp4", "buffer": clip}
    )
    expect(page.locator("#tab-video")).to_have_attribute("aria-selected", "true")
    assert page.input_value("#steady") == "0.5"
    expect(page.locator("[data-style=great-wave]")).to_have_attribute("aria-pressed", "true")


def test_a_result_as_a_command_and_as_python(open_page):
    page = open_page()
    painted(page)
    page.click("#copy-code")
    expect(page.locator("#command")).to_have_text(
        "impasto stylize photo.png --style starry-night --size=512 -o painting.png"
    )
    expect(page.locator("#python")).to_contain_text("impasto.stylize('photo.png', 'starry-night'")
    with page.expect_download() as download:
        page.click("#code-files a")
    assert Path(download.value.path()).read_bytes() == PHOTO
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("#copy-command")
    expect(page.locator("#code-told")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()").startswith("impasto stylize photo.png")
    page.click("#code-close")
    expect(page.locator("#code-dialog")).to_be_hidden()


def test_two_results_side_by_side_move_together(open_page):
    page = open_page()
    painted(page)
    next_job(page, lambda: page.click("#quick"))
    made(page)
    next_job(page, lambda: set_slider(page, "strength", 0.5))
    made(page)
    next_job(page, lambda: page.click("#quick"))
    made(page)
    expect(page.locator("#made li")).to_have_count(2)
    for at in (0, 1):
        page.locator("#made input").nth(at).click()
    expect(page.locator("#pair-dialog")).to_be_visible()
    expect(page.locator("#apart-rows tr")).to_have_count(1)
    expect(page.locator("#apart-rows")).to_contain_text("Strength")
    shift = "id => getComputedStyle(document.getElementById(id)).transform"
    fitted = page.evaluate(shift, "pair-a")
    page.hover("#frame-b")
    page.mouse.wheel(0, -300)
    expect(page.locator("#zoom-shown")).to_have_text("200 %")
    page.mouse.down()
    page.mouse.move(900, 500, steps=3)
    page.mouse.up()
    page.focus("#frame-a")
    page.keyboard.press("ArrowLeft")
    moved = page.evaluate(shift, "pair-a")
    assert moved == page.evaluate(shift, "pair-b") != fitted
    page.keyboard.press("0")
    assert page.evaluate(shift, "pair-b") == fitted
    page.click("#zoom-actual")
    expect(page.locator("#pair-dialog")).to_be_visible()
    page.click("#pair-close")
    expect(page.locator("#made input").first).not_to_be_checked()


def test_a_part_of_the_photograph_is_painted(open_page):
    page = open_page()
    painted(page)  # 64 by 48
    page.click("#crop-photo")
    page.click("[data-shape='1:1']")
    expect(page.locator("#crop-told")).to_have_text("48 × 48 px")
    page.focus("#crop-box")
    for _ in range(10):
        page.keyboard.press("Shift+ArrowLeft")
    next_job(page, lambda: page.click("#crop-apply"))
    made(page)
    width, height = opened(saved(page, "save-png")).size
    assert width == height
    page.click("#crop-photo")  # begins with the same frame, of the whole photograph
    assert page.evaluate("document.getElementById('crop-image').naturalWidth") == 64
    assert page.inner_text("#crop-told") != "64 × 48 px"
    next_job(page, lambda: page.click("#crop-all"))
    made(page)
    assert opened(saved(page, "save-png")).size == (256, 192)


def test_a_frame_is_dragged_by_its_corners(open_page):
    page = open_page()
    give(page, "photo", PHOTO)
    give(page, "own-style", PAINTING, "wave.png")
    made(page)
    page.click("[aria-label='Crop wave.png']")
    box = page.locator("#crop-box").bounding_box()
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] - 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4, steps=4)
    page.mouse.up()
    expect(page.locator("#crop-told")).to_have_text(re.compile(r"^2[3-5] × 1[5-7] px$"))
    next_job(page, lambda: page.click("#crop-apply"))
    made(page)
    page.click("#copy-code")
    with page.expect_download() as download:
        page.click("#code-files a >> nth=1")
    assert opened(Path(download.value.path()).read_bytes()).width in (23, 24, 25)


def masks_of(page: Page) -> dict[str, np.ndarray]:
    """The masks of the job that is shown, from the list of its files."""
    page.click("#copy-code")
    expect(page.locator("#code-dialog")).to_be_visible()
    found = {}
    for link in page.locator("#code-files a").all():
        name = link.inner_text()
        if name.startswith(("region", "part")):
            with page.expect_download() as download:
                link.click()
            picture = opened(Path(download.value.path()).read_bytes()).convert("L")
            found[name] = np.asarray(picture)
    page.click("#code-close")
    return found


def test_regions_lie_where_they_were_brushed_whatever_the_shapes(open_page):
    """A photograph of 3:1 and a style picture of 1:2; marks at known places of both."""
    page = open_page()
    give(page, "photo", png_bytes(192, 64, seed=1))
    give(page, "own-style", png_bytes(48, 96, seed=2), "tall.png")
    made(page)
    page.click("#mask")
    set_slider(page, "brush-size", 6)
    next_job(page, lambda: stroke(page, "#brush", [(0.1, 0.5), (0.2, 0.5)]))
    page.click("#add-region")
    next_job(page, lambda: page.select_option("#region-how", "0"))
    next_job(page, lambda: stroke(page, "#brush", [(0.55, 0.2), (0.65, 0.2)]))
    next_job(page, lambda: stroke(page, "#style-brush", [(0.5, 0.75), (0.5, 0.9)]))
    made(page)
    masks = masks_of(page)
    assert {name: mask.shape for name, mask in masks.items()} == {
        "region-1.png": (64, 192), "region-2.png": (64, 192), "part-2.png": (96, 48),
    }  # fmt: skip
    where = {name: np.argwhere(mask > 128).mean(0) / mask.shape for name, mask in masks.items()}
    assert where["region-1.png"] == pytest.approx([0.5, 0.15], abs=0.03)
    assert where["region-2.png"] == pytest.approx([0.2, 0.6], abs=0.03)
    assert where["part-2.png"] == pytest.approx([0.825, 0.5], abs=0.03)
    height = np.argwhere(masks["region-1.png"] > 128)[:, 0]
    assert np.ptp(height) + 1 == pytest.approx(0.06 * 192, abs=2)  # round, not stretched
    # The middle of the photograph, in which the regions stay where they were.
    page.click("#crop-photo")
    page.click("[data-shape='16:9']")
    next_job(page, lambda: page.click("#crop-apply"))
    made(page)
    width = 64 * 16 / 9
    mask = masks_of(page)["region-2.png"]
    assert np.argwhere(mask > 128).mean(0) / mask.shape == pytest.approx(
        [0.2, (0.6 * 192 - (192 - width) / 2) / width], abs=0.03
    )
    assert np.ptp(np.argwhere(mask > 128)[:, 0]) + 1 == pytest.approx(0.06 * 192, abs=3)


def test_a_region_has_colours_of_its_own(open_page):
    page = open_page()
    painted(page)
    page.click("#mask")
    expect(page.locator("#region-colour")).to_be_disabled()  # it stays a photograph
    next_job(page, lambda: stroke(page, "#brush", [(0.1, 0.5), (0.9, 0.5)]))
    page.select_option("#region-how", "0")
    next_job(page, lambda: page.select_option("#region-colour", "content"))
    made(page)
    page.click("#copy-code")
    expect(page.locator("#command")).to_contain_text(",colour=content")
    page.click("#code-close")


def test_a_part_that_the_browser_cannot_make_is_told(open_page):
    page = open_page()
    painted(page)
    page.evaluate("() => { HTMLCanvasElement.prototype.toBlob = (then) => then(null); }")
    page.click("#crop-photo")
    page.click("[data-shape='1:1']")
    page.click("#crop-apply")
    expect(page.locator("#problem")).to_contain_text("cannot cut a part out of so large a picture")


def test_the_brush_erases_takes_back_and_has_keys(open_page):
    page = open_page()
    painted(page)
    page.click("#mask")
    set_slider(page, "brush-size", 10)
    next_job(page, lambda: stroke(page, "#brush", [(0.1, 0.5), (0.9, 0.5)]))
    page.click("#erase")
    next_job(page, lambda: stroke(page, "#brush", [(0.5, 0.5), (0.9, 0.5)]))
    made(page)
    mask = masks_of(page)["region-1.png"]
    assert mask[24, 16] > 200
    assert mask[24, 48] < 50
    page.focus("#brush")
    next_job(page, lambda: page.keyboard.press("Control+z"))
    made(page)
    assert masks_of(page)["region-1.png"][24, 48] > 200
    next_job(page, lambda: page.click("#clear"))
    page.click("#erase")
    page.focus("#brush")  # the spot of the keyboard is the middle
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    next_job(page, lambda: page.keyboard.press("Space"))
    made(page)
    mask = masks_of(page)["region-1.png"]
    assert mask[24, 36] > 200
    assert mask[24, 8] < 50
    page.click("#mask")
    expect(page.locator("#view")).to_be_visible()
    next_job(page, lambda: page.click("#quick"))  # asked for, so it stays in the history
    made(page)
    page.click("#mask")
    next_job(page, lambda: page.click("#clear"))
    made(page)
    assert masks_of(page) == {}
    expect(page.locator("#made button")).to_have_count(2)
    next_job(page, lambda: page.locator("#made button").last.click())
    made(page)
    page.click("#restore")  # its strokes, too
    next_job(page, lambda: page.click("#quick"))
    made(page)
    assert masks_of(page).keys() == {"region-1.png"}


def test_what_a_painting_takes_is_told_before(open_page):
    page = open_page()
    give(page, "photo", png_bytes(256, 192, seed=1))
    give(page, "own-style", PAINTING)
    expect(page.locator("#plan")).to_have_text(
        re.compile(
            r"^About .+ (s|min|h), \d.* [MG]B of memory\. This machine paints up to \d+ px\.$"
        )
    )
    assert int(page.get_attribute("#size", "max")) > 1024
    told = page.inner_text("#plan")
    set_slider(page, "size", 1024)
    expect(page.locator("#plan")).not_to_have_text(told)
    expect(page.locator("#plan")).to_contain_text("About")


def test_the_border_is_dragged_on_the_picture(open_page):
    page = open_page()
    painted(page)
    page.click("#compare")
    box = page.locator("#pictures").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.25 * box["width"], middle, steps=3)
    page.mouse.up()
    assert page.input_value("#divide") == "25"


def test_a_result_that_is_dropped_restores_its_settings(open_page):
    page = open_page()
    painted(page, "great-wave")
    file = saved(page, "save-png")
    other = open_page()
    given = other.evaluate_handle(
        """(bytes) => { const held = new DataTransfer();
          held.items.add(new File([new Uint8Array(bytes)], "made.png", { type: "image/png" }));
          return held; }""",
        list(file),
    )
    other.dispatch_event("#view", "drop", {"dataTransfer": given})
    expect(other.locator("[data-style=great-wave]")).to_have_attribute("aria-pressed", "true")
    expect(other.locator("#photo-shown")).to_be_hidden()  # it is no photograph to paint
    assert job_of(other) == ""


def test_a_photograph_that_the_browser_cannot_show_is_painted(open_page):
    """TIFF, which Chromium does not read."""
    stream = io.BytesIO()
    opened(PHOTO).save(stream, "TIFF")
    page = open_page()
    give(page, "photo", stream.getvalue(), "photo.tiff")
    expect(page.locator("#told")).to_contain_text("cannot show")
    expect(page.locator("#crop-photo")).to_be_hidden()
    expect(page.locator("#mask")).to_be_hidden()
    next_job(page, lambda: page.click("[data-style=starry-night]"))
    made(page)
    expect(page.locator("#compare")).to_be_hidden()
    expect(page.locator("#photo-shown")).to_be_hidden()
    assert opened(saved(page, "save-png")).size == (256, 192)

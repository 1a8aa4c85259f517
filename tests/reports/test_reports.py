"""``impasto paint --report``: a page that tells all of a run and needs no network."""

import base64
import io
import math
import re

import pytest
from PIL import Image

from helpers.browser import misfits, needs_browser, shade
from impasto import images
from impasto.cli.main import run
from impasto.images.samples import PAIRS
from impasto.reports.loss_curves import curves, terms

PAIR = PAIRS["tuebingen-starry-night"]


def history(steps):
    """A made-up loss history over two sizes."""
    return [
        {"stage": 1 + (i >= steps // 2), "step": i, "height": 48, "width": 64 * (1 + (i >= 5)),
         "seconds": 0.1 * i, "loss": 1 / (i + 1), "style.relu1_1": 0.5 / (i + 1),
         "style.relu2_1": 0.25 / (i + 1), "tv": 0.25 / (i + 1)}
        for i in range(steps)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    # A name that HTML could take for its own.
    photo = folder / "a <b>&'long' name.png"
    images.write(photo, images.read(PAIR.content_path, long_side=96).tensor)
    words = [str(photo), str(PAIR.style_path), "-o", str(folder / "out.png"), "--size", "96"]
    words += ["--steps", "6", "--report", str(folder / "run.html"), "--quiet"]
    assert run(["paint", *words]) == 0
    return (folder / "run.html").read_text(encoding="utf-8")


def test_it_holds_all_that_it_shows(page):
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)
    assert "http://" not in page.replace("http://www.w3.org", "")
    pictures = re.findall(r"data:image/(?:jpeg|webp);base64,([\w+/=]+)", page)
    sizes = [Image.open(io.BytesIO(base64.b64decode(data))).size for data in pictures]
    assert len(sizes) >= 3 + 2 + 1 + 3  # what went in and came out, steps, film, edges
    assert all(min(size) > 30 for size in sizes)


def test_names_are_text_and_nothing_else(page):
    assert "a &lt;b&gt;&amp;&#39;long&#39; name.png" in page
    assert "a <b>" not in page


def test_it_tells_recipe_losses_and_machine(page):
    changed = re.findall(r'class="changed"><th scope="row">([^<]+)</th><td>([^<]+)<', page)
    assert ("steps", "6") in changed
    assert ("size", "96") in changed
    for told in ("most memory held", "torch", "weighted losses, log", "high-frequency energy"):
        assert told in page


def test_the_film_shows_the_painting_grow(page):
    (data,) = re.findall(r"data:image/webp;base64,([\w+/=]+)", page)
    assert Image.open(io.BytesIO(base64.b64decode(data))).n_frames >= 6


def test_layers_of_a_term_are_summed_and_late_terms_start_late():
    rows = history(4)
    rows[3]["laplacian"] = 0.5
    found = terms(rows)
    assert found["style"] == pytest.approx([0.75 / (i + 1) for i in range(4)])
    assert math.isnan(found["laplacian"][2])
    assert found["laplacian"][3] == 0.5
    assert set(found) == {"loss", "style", "tv", "laplacian"}


@pytest.mark.parametrize("steps", [1, 2, 300])
def test_curves_are_drawn_of_any_history(steps):
    drawn = curves(history(steps))
    assert drawn.startswith("<svg")
    assert ">style</text>" in drawn.replace("<!-- style -->", "")
    assert drawn == curves(history(steps))


@pytest.mark.parametrize("name", ["run.txt", "run"])
def test_a_page_is_called_html(tmp_path, capsys, name):
    words = [str(PAIR.content_path), str(PAIR.style_path), "-o", str(tmp_path / "out.png")]
    words += ["--size", "96", "--steps", "2", "--report", str(tmp_path / name)]
    assert run(["paint", *words]) == 2
    assert "name it .html" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@needs_browser
def test_the_page_in_chromium(page, tmp_path):
    shown = tmp_path / "run.html"
    shown.write_text(page, encoding="utf-8")
    assert misfits(shown, [360, 700, 1400]) == {360: [], 700: [], 1400: []}
    assert shade(shown, 700, dark=True) > 0.8
    assert shade(shown, 700, dark=False) < 0.2

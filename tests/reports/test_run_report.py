"""``impasto paint --report``: a page about a run that needs no network."""

import base64
import io
import re

import pytest
from PIL import Image

from helpers.browser import misfits, needs_browser, shade
from impasto import images
from impasto.cli.main import run
from impasto.images.samples import PAIRS

PAIR = PAIRS["tuebingen-starry-night"]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    # A name that HTML could take for its own.
    photo = folder / "a <b>&'long' name.png"
    images.write(photo, images.read(PAIR.content_path, long_side=96).tensor)
    words = [str(photo), str(PAIR.style_path), "-o", str(folder / "out.png"), "--size", "96"]
    words += ["--scale-ratio", "1.4"]
    words += ["--steps", "6", "--report", str(folder / "run.html"), "--quiet"]
    assert run(["paint", *words]) == 0
    return (folder / "run.html").read_text(encoding="utf-8")


def test_it_embeds_all_pictures(page):
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)
    assert "http://" not in page.replace("http://www.w3.org", "")
    pictures = re.findall(r"data:image/(?:jpeg|webp);base64,([\w+/=]+)", page)
    sizes = [Image.open(io.BytesIO(base64.b64decode(data))).size for data in pictures]
    assert len(sizes) >= 3 + 2 + 1 + 3  # what went in and came out, steps, film, edges
    assert all(min(size) > 30 for size in sizes)


def test_it_may_load_nothing_and_run_no_script(page):
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'; base")
    assert "<script" not in page


def test_names_are_text_and_nothing_else(page):
    assert "a &lt;b&gt;&amp;&#39;long&#39; name.png" in page
    assert "a <b>" not in page


def test_it_shows_recipe_losses_and_machine(page):
    changed = re.findall(r'class="changed"><th scope="row">([^<]+)</th><td>([^<]+)<', page)
    assert ("steps", "6") in changed
    assert ("size", "96") in changed
    for metadata in ("peak memory", "torch", "weighted losses, log", "high-frequency energy"):
        assert metadata in page


def test_the_animation_shows_the_evolution(page):
    (data,) = re.findall(r"data:image/webp;base64,([\w+/=]+)", page)
    assert Image.open(io.BytesIO(base64.b64decode(data))).n_frames >= 6


@pytest.mark.parametrize("name", ["run.txt", "run"])
def test_a_page_must_be_named_html(tmp_path, capsys, name):
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

"""``impasto gallery``, and its page in a browser."""

import os
import sys
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from helpers.browser import PAPER, misfits, needs_browser, screenshot
from helpers.gallery import Elements, painted
from helpers.metadata import stylize_metadata
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli.main import run

PHOTO = smooth_picture(30, 40, seed=1)


@pytest.fixture
def results(tmp_path):
    """A folder of a painting, a one-pass picture in a folder, and one that says nothing."""
    folder = tmp_path / "my results"
    images.write(folder / "painted.png", PHOTO, metadata=painted(size=64, tv_weight=0.5))
    metadata = stylize_metadata("photos/cat.jpg", {"wave": 1.0}, {"strength": 0.5})
    images.write(folder / "quick" / f"{'long_name_' * 12}.jpg", PHOTO, metadata=metadata)
    images.write(folder / "unknown.png", PHOTO)
    return folder


def test_a_folder_becomes_a_page(results, capsys):
    assert run(["gallery", str(results)]) == 0
    assert capsys.readouterr().out == f"{results / 'gallery.html'}: 3 pictures\n"
    elements = Elements((results / "gallery.html").read_text(encoding="utf-8"))
    links = [unquote(attributes["href"]) for attributes in elements.all("a")]
    assert all((results / link).is_file() for link in links)
    assert len(links) == len(elements.all("img")) == 3
    assert {"my results", "3 pictures", "tv_weight", "0.5", "wave"} <= set(elements.texts)
    assert len(elements.all("button")) == 2
    assert "The file does not say how it was made." in elements.texts


def test_a_broken_picture_is_named_and_the_rest_is_shown(results, capsys):
    (results / "broken.png").write_bytes(b"broken")
    page = results.parent / "new" / "page.html"
    assert run(["gallery", str(results), "-o", str(page), "--quiet"]) == 2
    output = capsys.readouterr()
    assert "broken.png" in output.err
    assert len(output.err.strip().splitlines()) == 1
    elements = Elements(page.read_text(encoding="utf-8"))
    assert len(elements.all("article")) == 3
    assert all((page.parent / unquote(a["href"])).is_file() for a in elements.all("a"))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_name_that_is_no_text(results):
    name = os.fsdecode(b"caf\xe9.png")
    try:
        (results / "unknown.png").rename(results / name)
    except OSError:
        pytest.skip("this file system refuses such names")
    assert run(["gallery", str(results), "--quiet"]) == 0
    page = (results / "gallery.html").read_text(encoding="utf-8")
    assert 'href="caf%E9.png"' in page


WRONG = {
    "no folder": (["no"], "no is not a folder"),
    "a file": (["out/unknown.png"], "unknown.png is not a folder"),
    "no pictures": (["empty"], "holds no pictures"),
    "no page": (["out", "-o", "page.png"], "name it .html"),
    "in a file": (["out", "-o", "out/unknown.png/page.html"], "is a file"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_gets_one_sentence(case, results, capsys, monkeypatch):
    monkeypatch.chdir(results.parent)
    results.rename("out")
    Path("empty").mkdir()
    words, named = WRONG[case]
    assert run(["gallery", *words]) == 2
    output = capsys.readouterr().err
    assert named in output
    assert output.startswith("impasto: ")
    assert len(output.strip().splitlines()) == 1
    assert not list(Path().rglob("*.html"))


def test_without_jinja(results, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert run(["gallery", str(results)]) == 2
    assert "pip install '.[report]' in the clone" in capsys.readouterr().err


@needs_browser
@pytest.mark.parametrize(("width", "columns"), [(1300, 3), (500, 1)])
def test_the_page_in_chromium(results, width, columns):
    """Cards side by side as there is room, nothing beside the window, whatever the names."""
    assert run(["gallery", str(results), "--quiet"]) == 0
    pixels = screenshot(results / "gallery.html", width, 900)
    paper = pixels[2, 2]
    assert tuple(paper) == PAPER[False]
    # Runs of the picture's row that are not paper: the cards.
    row = np.abs(pixels[120] - paper).sum(1) > 30
    assert np.diff(row.astype(int), prepend=0, append=0).clip(0).sum() == columns
    assert (pixels[:, -4:] == paper).all()  # the margin is free: nothing sticks out


@needs_browser
def test_the_page_in_the_dark(results):
    assert run(["gallery", str(results), "--quiet"]) == 0
    pixels = screenshot(results / "gallery.html", 800, 600, dark=True)
    assert tuple(pixels[2, 2]) == PAPER[True]
    assert pixels.max() > 200  # what is written is light


@needs_browser
def test_nothing_sticks_out_of_the_page(results):
    assert run(["gallery", str(results), "--quiet"]) == 0
    assert misfits(results / "gallery.html", [360, 700, 1400]) == {360: [], 700: [], 1400: []}

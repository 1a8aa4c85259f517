"""The page of ``impasto compare``: its contents, and that any contents fit."""

import re

import pytest

from helpers.browser import misfits, needs_browser, screenshot, shade
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.recipes.recipe import Recipe
from impasto.reports.study_report import row_letters, unweighted_losses, write_grid_page
from impasto.studies.study import Study, StudyRun, Sweep, read_losses

LONG = "a_long_name_<b>without</b>_spaces_" * 4


def made(folder, columns, rows=0, *, missing=(), entry="tv_weight"):
    """A study whose cells are there without having been painted, and its page."""
    names = [LONG + str(i) if i % 3 == 0 else f"{i}" for i in range(columns)]
    across = Sweep(entry, tuple(float(i) for i in range(columns)), tuple(names))
    down = Sweep(
        "style_weight", tuple(float(i + 1) for i in range(rows)), tuple(map(str, range(rows)))
    )
    photo = folder / f"{LONG.replace('/', '')}.png"
    images.write(photo, smooth_picture(40, 60, seed=0))
    study = Study(Recipe(size=96, content_weight=0.1), (down, across) if rows else (across,))
    work = StudyRun(study, photo, photo, folder / "cells")
    for number, (name, _) in enumerate(study.cells):
        if number not in missing:
            losses = f"content {0.01 * (number + 1):.4g}, style {2 / (number + 1):.4g}, tv 4"
            picture = smooth_picture(*((40, 60) if number % 2 else (60, 40)), seed=number)
            images.write(work.file(name), picture, metadata={"losses": losses})
            work.finished.add(name)
    return write_grid_page(folder / "page.html", work, command=["compare", "it's.jpg"])


@pytest.fixture
def page(tmp_path):
    return made(tmp_path, 3, 2, missing=[4]).read_text(encoding="utf-8")


def test_it_embeds_all_pictures(page):
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)
    assert "http" not in page.replace("http://www.w3.org", "").replace("http-equiv", "")
    assert len(re.findall(r'src="data:image/jpeg', page)) == 5 + 2
    assert "B2: not painted yet" in page


def test_names_are_text_and_nothing_else(page):
    assert "&lt;b&gt;without" in page
    assert "<b>without" not in page


def test_it_shows_unweighted_losses_and_the_common_recipe(page):
    # Content weight 0.1, style weights 1 and 2, total variation swept from 0.
    captions = re.findall(r'data-file="([^"]+)"><b>(\w+)</b> (.*?)</figcaption>', page)
    assert [mark for _, mark, _ in captions] == ["A1", "A2", "A3", "B1", "B3"]
    assert "content 0.1" in captions[0][2]
    assert "tv" not in captions[0][2]
    assert "tv 4<" in captions[1][2]
    assert "style 0.25" in captions[3][2]
    entries = re.findall(r'<th scope="row">([^<]+)</th><td>([^<]+)</td>', page)
    assert ("size", "96") in entries
    assert not {"tv weight", "style weight"} & {name for name, _ in entries}
    assert "impasto compare &#39;it&#39;&#34;&#39;&#34;&#39;s.jpg&#39;" in page


def test_every_mark_of_the_plot_links_to_its_cell(page):
    for mark in ("A1", "A2", "A3", "B1", "B3"):
        assert f'id="{mark}"' in page
        assert f'xlink:href="#{mark}"' in page
    assert 'href="#B2"' not in page


def test_losses_of_different_units_are_noted(tmp_path):
    assert "do not compare" not in made(tmp_path / "a", 2).read_text(encoding="utf-8")
    sweep = Sweep("style_loss", ("gram", "moments"), ("gram", "moments"))
    photo = tmp_path / "photo.png"
    images.write(photo, smooth_picture(40, 60, seed=0))
    work = StudyRun(Study(Recipe(), (sweep,)), photo, photo, tmp_path)
    text = write_grid_page(tmp_path / "b.html", work, command=[]).read_text(encoding="utf-8")
    assert "Losses of different style loss do not compare" in text
    assert "<svg" not in text  # nothing is painted, so there is nothing to plot


def test_losses_are_read_from_metadata():
    assert read_losses({"losses": "content 1.5e-05, style nan, tv 2"}) == {
        "content": 1.5e-05,
        "tv": 2.0,
    }
    assert read_losses({}) == {}
    recipe = Recipe(content_weight=0, style_weight=2, strength=0.5, tv_weight=4)
    losses = {"content": 1.0, "style": 1.0, "tv": 1.0, "else": 1.0}
    assert unweighted_losses(losses, recipe) == {"style": 0.5, "tv": 0.5}


def test_rows_have_letters():
    assert [row_letters(i) for i in (0, 25, 26, 51, 52, 701, 702)] == [
        "A", "Z", "AA", "AZ", "BA", "ZZ", "AAA",
    ]  # fmt: skip


@needs_browser
@pytest.mark.parametrize(("columns", "rows"), [(1, 0), (5, 3), (40, 0), (40, 3)])
def test_the_page_in_chromium(tmp_path, columns, rows):
    page = made(tmp_path, columns, rows, missing=[2])
    assert misfits(page, [360, 1400]) == {360: [], 1400: []}


@needs_browser
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_in_light_and_dark(tmp_path, dark):
    bright = shade(made(tmp_path, 2), 800, dark=dark)
    assert bright > 0.8 if dark else bright < 0.2


@needs_browser
def test_a_cell_opens_large(tmp_path):
    page = made(tmp_path, 2)
    before = screenshot(page, 800, 700)
    opened = tmp_path / "opened.html"
    click = "<script>document.querySelectorAll('.cell')[1].click()</script></body>"
    text = page.read_text(encoding="utf-8").replace("</body>", click)
    # The page's own policy lets no foreign script click.
    text = text.replace("Content-Security-Policy", "No-Policy")
    opened.write_text(text, encoding="utf-8")
    after = screenshot(opened, 800, 700)
    assert after[2, 2].max() < before[2, 2].min() / 2  # behind it, all is dimmed
    assert misfits(opened, [360])[360] == []

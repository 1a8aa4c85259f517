"""The gallery: what its cards say, that its page is safe, and how it looks in a browser."""

import base64
import html.parser
import io
import os
import shlex
import sys
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from helpers.browser import PAPER, misfits, needs_browser, screenshot
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli.main import _parser, run
from impasto.cli.shared.recipe_options import parse_styles
from impasto.jobs.results import describe, describe_sources
from impasto.recipes.presets import RECIPES
from impasto.recipes.recipe import Recipe
from impasto.reports.gallery_cards import THUMBNAIL, Card, read_card
from impasto.reports.gallery_commands import command_again
from impasto.reports.gallery_page import render
from impasto.reports.gallery_recipes import changes

PHOTO = smooth_picture(30, 40, seed=1)


def painted(recipe=None, content="photos/cat.jpg", styles=("paintings/wave.jpg",), **changed):
    """The metadata of a painting."""
    recipe = recipe or Recipe()
    told = describe_sources(content, list(styles), None)
    return {"recipe": recipe.replace(**changed).to_toml(), **told}


def card(**changed):
    values = {
        "name": "a.png", "link": "a.png", "thumbnail": "data:,", "size": (4, 3), "content": "",
        "styles": (), "preset": "", "entries": {}, "command": None,
    }  # fmt: skip
    return Card(**values | changed)


class Elements(html.parser.HTMLParser):
    """The tags of a page and the texts in them."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


# --- Recipes in words -----------------------------------------------------------------------------


def test_a_one_pass_picture_of_regions_is_made_again_from_its_file():
    told = {"content": "cat.jpg", "style": '{"wave": 1.0}', "stylize": "{}", "regions": '["a=b"]'}
    line = command_again(Path("x.png"), told)
    assert line == ["impasto", "rerun", "x.png", "-o", "x-again.png"]


@pytest.mark.parametrize("name", RECIPES)
def test_a_preset_is_told_by_its_name(name):
    assert changes(RECIPES[name].to_toml()) == (name, {})
    assert changes(RECIPES[name].replace(seed=77).to_toml()) == (name, {"seed": "77"})


def test_what_was_changed_is_told_in_words():
    recipe = Recipe(size=768, style_weight=2.5, style_layers={"relu1_1": 1.0, "relu2_1": 0.5})
    assert changes(recipe.to_toml()) == (
        "default",
        {"size": "768", "style_weight": "2.5", "style_layers": "relu1_1=1, relu2_1=0.5"},
    )


def test_recipes_of_other_versions_and_broken_ones():
    assert changes('brush = "broad"\nsize = 512') == ("default", {"brush": "broad"})
    assert changes("no recipe at all") is None


# --- The command ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["out/a.png", "out dir/it's.jpg", "-a.png", "$(ls).png"])
def test_a_painting_is_made_again_by_rerun(name):
    words = shlex.split(" ".join(command_again(Path(name), painted())))
    args = _parser("rerun").parse_args(words[1:])
    assert (words[0], words[1]) == ("impasto", "rerun")
    assert Path(args.picture) == Path(name)
    assert Path(args.output) == Path(name).with_name(f"{Path(name).stem}-again{Path(name).suffix}")


def test_a_one_pass_picture_is_made_again_by_stylize():
    options = {
        "strength": 0.5, "colour": "match", "colour_space": "oklab", "colour_match": "pca",
        "model": "any", "size": 512,
    }  # fmt: skip
    told = describe("my photos/cat.jpg", {"a b.jpg": 0.7, "-wave": 0.3}, options)
    words = shlex.split(" ".join(command_again(Path("out/x.png"), told)))
    args = _parser("stylize").parse_args(words[1:])
    assert args.contents == [Path("my photos/cat.jpg")]
    styles = [(style.path, style.weight) for style in parse_styles(args.style)]
    assert styles == [("a b.jpg", 0.7), ("./-wave", 0.3)]
    assert (args.strength, args.colour, args.colour_match) == (0.5, "match", "pca")
    assert (args.model, args.size, args.output) == ("any", 512, Path("out/x-again.png"))
    assert "--colour-space" not in " ".join(words)


def test_usual_options_are_left_out():
    usual = {"strength": 1.0, "colour": "style", "model": "", "size": ""}
    told = describe("cat.jpg", {"wave": 1.0}, usual)
    line = " ".join(command_again(Path("x.png"), told))
    assert line == "impasto stylize cat.jpg --style wave -o x-again.png"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("x.png", {}),
        ("x.png", {"stylize": "{}"}),
        ("x.png", {"stylize": "{}", "content": "a", "style": "broken"}),
        ("x.png", describe("a\nrm -r ~", {"wave": 1.0}, {})),
        ("x.png", describe("a\x1b[201~", {"wave": 1.0}, {})),
        ("x\x07.png", painted()),
    ],
)
def test_no_command_where_too_little_is_told_or_it_is_not_plain_text(name, told):
    assert command_again(Path(name), told) is None


def test_what_metadata_name_cannot_leave_its_quotes():
    told = describe("a; rm -r ~ #.jpg", {"$(ls)": 1.0}, {"model": "x' y", "colour": "`z`"})
    words = command_again(Path("x.png"), told)
    assert shlex.split(" ".join(words)) == [
        "impasto", "stylize", "a; rm -r ~ #.jpg", "--style", "$(ls)", "--colour=`z`",
        "--model=x' y", "-o", "x-again.png",
    ]  # fmt: skip


# --- Cards ----------------------------------------------------------------------------------------


def test_the_card_of_a_painting(tmp_path):
    path = tmp_path / "out" / "a & b" / "c#d.png"
    told = painted(Recipe(), styles=("p/wave.jpg",), size=640) | {"seconds": "12.34"}
    images.write(path, PHOTO, metadata=told)
    found = read_card(path, folder=tmp_path / "out", page=tmp_path / "pages" / "index.html")
    assert found.name == os.path.join("a & b", "c#d.png")
    assert unquote(found.link) == "../out/a & b/c#d.png"
    assert "#" not in found.link
    assert (found.size, found.content, found.styles) == ((40, 30), "cat.jpg", ("wave.jpg",))
    assert (found.preset, found.entries) == ("default", {"size": "640", "seconds": "12.3"})
    kind, _, data = found.thumbnail.partition(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.size == (40, 30)


def test_the_card_tells_regions_shares_and_canvas(tmp_path):
    told = painted(styles=("a.jpg:0.7", "coarse=b.jpg:0.3"))
    told |= {"regions": '["sky=sky.png@c.jpg"]', "made as": "tileable texture", "canvas": "64x32"}
    images.write(tmp_path / "a.jpg", PHOTO, metadata=told)
    found = read_card(tmp_path / "a.jpg", folder=tmp_path, page=tmp_path / "g.html")
    assert found.styles == ("a.jpg × 0.7", "b.jpg × 0.3")
    assert found.entries["regions"] == "sky=sky.png@c.jpg"
    assert found.entries["made as"] == "tileable texture"


def test_a_large_or_transparent_picture_has_a_small_opaque_thumbnail(tmp_path):
    large = images.resize(PHOTO, (600, 800))
    images.write(tmp_path / "a.png", large, alpha=(large[:, :1] * 0))
    found = read_card(tmp_path / "a.png", folder=tmp_path, page=tmp_path / "g.html")
    with Image.open(io.BytesIO(base64.b64decode(found.thumbnail.partition(",")[2]))) as image:
        assert max(image.size) == THUMBNAIL
        assert np.asarray(image).min() > 250  # nothing there: the white below it
    assert found.command is None


# --- The page -------------------------------------------------------------------------------------


def test_the_page_escapes_what_it_is_given():
    evil = "<script>alert(1)</script>\"'&"
    elements = Elements(
        render(
            evil,
            [card(name=evil, content=evil, styles=(evil,), preset=evil, link=evil,
                  entries={evil: evil}, command=[evil])],
        )
    )  # fmt: skip
    assert len(elements.all("script")) == 1
    assert elements.texts.count(evil) >= 7
    assert elements.all("a")[0]["href"] == elements.all("img")[0]["alt"] == evil


def test_the_page_needs_no_network():
    page = render("out", [card(command=["impasto", "rerun", "a.png"])])
    elements = Elements(page)
    assert elements.all("link") == []
    assert all("src" not in attributes for attributes in elements.all("script"))
    assert "url(" not in page
    assert "http" not in page
    assert "prefers-color-scheme: dark" in page


def test_the_words_of_the_command_are_one_line_to_copy():
    page = render("out", [card(command=["impasto", "rerun", "'a b.png'", "-o", "c.png"])])
    code = page[page.index("<code>") : page.index("</code>")]
    assert "".join(Elements(code).texts) == "impasto rerun 'a b.png' -o c.png"


# --- impasto gallery ------------------------------------------------------------------------------


@pytest.fixture
def results(tmp_path):
    """A folder of a painting, a one-pass picture in a folder, and one that says nothing."""
    folder = tmp_path / "my results"
    images.write(folder / "painted.png", PHOTO, metadata=painted(size=64, tv_weight=0.5))
    told = describe("photos/cat.jpg", {"wave": 1.0}, {"strength": 0.5})
    images.write(folder / "quick" / f"{'long_name_' * 12}.jpg", PHOTO, metadata=told)
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
    told = capsys.readouterr()
    assert "broken.png" in told.err
    assert len(told.err.strip().splitlines()) == 1
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
    "no folder": (["no"], "no is no folder"),
    "a file": (["out/unknown.png"], "unknown.png is no folder"),
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
    told = capsys.readouterr().err
    assert named in told
    assert told.startswith("impasto: ")
    assert len(told.strip().splitlines()) == 1
    assert not list(Path().rglob("*.html"))


def test_without_jinja(results, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert run(["gallery", str(results)]) == 2
    assert "pip install '.[report]' in the clone" in capsys.readouterr().err


# --- In a browser ---------------------------------------------------------------------------------


@needs_browser
@pytest.mark.parametrize(("width", "columns"), [(1300, 3), (500, 1)])
def test_the_page_in_chromium(results, width, columns):
    """Cards side by side as there is room, nothing beside the window, whatever the names."""
    assert run(["gallery", str(results), "--quiet"]) == 0
    seen = screenshot(results / "gallery.html", width, 900)
    paper = seen[2, 2]
    assert tuple(paper) == PAPER[False]
    # Runs of the picture's row that are not paper: the cards.
    row = np.abs(seen[120] - paper).sum(1) > 30
    assert np.diff(row.astype(int), prepend=0, append=0).clip(0).sum() == columns
    assert (seen[:, -4:] == paper).all()  # the margin is free: nothing sticks out


@needs_browser
def test_the_page_in_the_dark(results):
    assert run(["gallery", str(results), "--quiet"]) == 0
    seen = screenshot(results / "gallery.html", 800, 600, dark=True)
    assert tuple(seen[2, 2]) == PAPER[True]
    assert seen.max() > 200  # what is written is light


@needs_browser
def test_nothing_sticks_out_of_the_page(results):
    assert run(["gallery", str(results), "--quiet"]) == 0
    assert misfits(results / "gallery.html", [360, 700, 1400]) == {360: [], 700: [], 1400: []}

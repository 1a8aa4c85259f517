"""The gallery: what its cards say, and that its page is safe."""

import base64
import io
import os
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from helpers.gallery import Elements, painted
from helpers.metadata import paint_metadata
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.jobs.requests import (
    PaintRequest,
    ReconstructRequest,
    StyleInput,
    TextureRequest,
    as_region_specs,
)
from impasto.jobs.results import describe_request
from impasto.recipes.recipe import Recipe
from impasto.reports.gallery import THUMBNAIL, Card, read_card, render

PHOTO = smooth_picture(30, 40, seed=1)


def card(**changed):
    values = {
        "name": "a.png", "link": "a.png", "thumbnail": "data:,", "size": (4, 3), "content": "",
        "styles": (), "preset": "", "entries": {}, "command": None,
    }  # fmt: skip
    return Card(**values | changed)


def test_the_card_of_a_painting(tmp_path):
    path = tmp_path / "out" / "a & b" / "c#d.png"
    metadata = painted(Recipe(), styles=("p/wave.jpg",), size=640) | {"seconds": "12.34"}
    images.write(path, PHOTO, metadata=metadata)
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


def test_the_card_shows_regions_and_weights(tmp_path):
    regions = as_region_specs(["sky=sky.png@c.jpg", "face=f.png"])
    styles = ["a.jpg", "b.jpg"]
    metadata = paint_metadata("cat.jpg", styles, [0.7, 0.3], ["", "coarse"], regions=regions)
    images.write(tmp_path / "a.jpg", PHOTO, metadata=metadata)
    found = read_card(tmp_path / "a.jpg", folder=tmp_path, page=tmp_path / "g.html")
    assert found.styles == ("a.jpg × 0.7", "b.jpg × 0.3")
    assert found.entries["regions"] == "sky=sky.png@c.jpg, face=f.png"


def test_the_card_shows_how_textures_and_reconstructions_were_made(tmp_path):
    style = (StyleInput("a.jpg"),)
    requests = {
        "t.jpg": TextureRequest(style, (32, 64), tileable=True),
        "r.jpg": ReconstructRequest("cat.jpg", "style"),
        "m.jpg": PaintRequest("cat.jpg", style, mask="m.png", style_mask="s.png"),
    }
    entries = {}
    for name, request in requests.items():
        images.write(tmp_path / name, PHOTO, metadata=describe_request(request))
        entries[name] = read_card(
            tmp_path / name, folder=tmp_path, page=tmp_path / "g.html"
        ).entries
    assert entries["t.jpg"]["made as"] == "tileable texture"
    assert entries["t.jpg"]["canvas"] == "64x32"
    assert entries["r.jpg"]["made as"] == "style reconstruction"
    assert (entries["m.jpg"]["mask"], entries["m.jpg"]["style mask"]) == ("m.png", "s.png")


@pytest.mark.parametrize(
    ("metadata", "preset"),
    [
        ({"recipe": "broken", "content": "a", "style": "7"}, ""),
        ({"recipe": 'brush = "broad"'}, "default"),  # of another version
        ({"stylize": "{}", "content": "a", "style": "broken"}, ""),
        ({"stylize": "{}"}, ""),
        ({"request": "[" * 10**4}, ""),
    ],
)
def test_a_picture_without_a_valid_request_has_no_command(tmp_path, metadata, preset):
    images.write(tmp_path / "a.jpg", PHOTO, metadata=metadata)
    found = read_card(tmp_path / "a.jpg", folder=tmp_path, page=tmp_path / "g.html")
    assert (found.command, found.preset) == (None, preset)


def test_pictures_of_version_0_1_0_are_understood(tmp_path):
    stylize = '{"strength": 0.5, "size": "", "model": "any", "colour": "style"}'
    metadata = {"stylize": stylize, "content": "p/cat.jpg", "style": '{"wave": 1.0}'}
    images.write(tmp_path / "a.jpg", PHOTO, metadata=metadata)
    images.write(tmp_path / "b.jpg", PHOTO, metadata=metadata | {"regions": '["a=b"]'})
    one, other = (
        read_card(tmp_path / name, folder=tmp_path, page=tmp_path / "g.html")
        for name in ("a.jpg", "b.jpg")
    )
    assert one.preset == "one pass"
    # Strokes had a fixed size in pixels then, which is a style scale of 0 now.
    assert one.entries == {"strength": "0.5", "model": "any", "style_scale": "0"}
    assert (one.content, one.styles) == ("cat.jpg", ("wave",))
    assert one.command[:3] == ["impasto", "stylize", "p/cat.jpg"]
    assert other.command[:2] == ["impasto", "rerun"]
    assert other.entries["regions"] == "a=b"


def test_a_large_or_transparent_picture_has_a_small_opaque_thumbnail(tmp_path):
    large = images.resize(PHOTO, (600, 800))
    images.write(tmp_path / "a.png", large, alpha=(large[:, :1] * 0))
    found = read_card(tmp_path / "a.png", folder=tmp_path, page=tmp_path / "g.html")
    with Image.open(io.BytesIO(base64.b64decode(found.thumbnail.partition(",")[2]))) as image:
        assert max(image.size) == THUMBNAIL
        assert np.asarray(image).min() > 250  # nothing there: the white below it
    assert found.command is None


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
    assert "http" not in page.replace("http-equiv", "")
    assert "prefers-color-scheme: dark" in page


def test_the_words_of_the_command_are_one_line_to_copy():
    page = render("out", [card(command=["impasto", "rerun", "'a b.png'", "-o", "c.png"])])
    code = page[page.index("<code>") : page.index("</code>")]
    assert "".join(Elements(code).texts) == "impasto rerun 'a b.png' -o c.png"

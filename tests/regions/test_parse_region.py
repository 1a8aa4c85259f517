"""Parsing regions from text."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.sentences import sentence
from impasto.errors import OptionError
from impasto.regions import masks
from impasto.regions.masks import RegionSpec


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("sky=c.png:s.png", RegionSpec("sky", Path("c.png"), Path("s.png"))),
        ("sky=c.png@monet.jpg", RegionSpec("sky", Path("c.png"), None, Path("monet.jpg"))),
        ("a b = c d.png @m: s.png", RegionSpec("a b", Path("c d.png"), Path("s.png"), Path("m"))),
        ("face=c.png", RegionSpec("face", Path("c.png"), keep=True)),
        ("face=c.png@content", RegionSpec("face", Path("c.png"), keep=True)),
        ("sky=c=1.png:s=2.png", RegionSpec("sky", Path("c=1.png"), Path("s=2.png"))),
        ("sky=/a/c.png:../s.png", RegionSpec("sky", Path("/a/c.png"), Path("../s.png"))),
        (r"sky=C:\c.png:D:/s.png", RegionSpec("sky", Path(r"C:\c.png"), Path("D:/s.png"))),
        (
            r"sky=C:\c.png@d:\m.jpg:E:\s.png",
            RegionSpec("sky", Path(r"C:\c.png"), Path(r"E:\s.png"), Path(r"d:\m.jpg")),
        ),
        ("sky=a:b", RegionSpec("sky", Path("a"), Path("b"))),
        ("sky=c.png,colour=content", RegionSpec("sky", Path("c.png"), colour="content")),
        (
            "sky=c.png@m.jpg:s.png , color = style",
            RegionSpec("sky", Path("c.png"), Path("s.png"), Path("m.jpg"), colour="style"),
        ),
        ("sky=c,d.png@m.jpg", RegionSpec("sky", Path("c,d.png"), style=Path("m.jpg"))),
    ],
)  # fmt: skip
def test_parse_region(text, region):
    assert masks.parse_region(text) == region


def test_a_file_of_such_a_name_is_a_file():
    name = "c.png,colour=content"
    found = masks.parse_region(f"sky={name}", is_file=lambda path: path == name)
    assert found == RegionSpec("sky", Path(name), keep=True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sky=c.png,colour=blue", "Unknown colour of the region sky 'blue': choose one of style"),
        ("sky=c.png@content,colour=content", "The region sky stays as the photograph: leave its"),
        ("sky=,colour=content", "The region 'sky=' cannot be read"),
    ],
)
def test_colours_that_no_region_has(text, words):
    assert words in sentence(OptionError, masks.parse_region, text)


@pytest.mark.parametrize(
    "text",
    ["", "sky", "=c.png", " =c.png", "sky=", "sky= ", "sky=:s.png", "sky=c.png:", "sky=c.png@",
     "sky=c.png@:s.png", "sky=c.png:s.png:t.png", "sky=c.png@m.jpg@n.jpg", "sky=c.png:s.png@m.jpg",
     "sky=c.png@m.jpg:", "sky=c.png@content:s.png"],
)  # fmt: skip
def test_invalid_texts(text):
    message = sentence(OptionError, masks.parse_region, text)
    assert f"'{text}'" in message
    assert "sky=c.png@monet.jpg:s.png" in message


def test_regions_are_frozen():
    with pytest.raises(FrozenInstanceError):
        masks.parse_region("face=c.png").name = "x"  # type: ignore[misc]


@given(st.text("ab=:@/\\ .", max_size=14))
def test_any_text_is_parsed_or_an_error(text):
    try:
        region = masks.parse_region(text)
    except OptionError:
        return
    assert region.name
    assert region.keep == (region.style is None and region.style_mask is None)

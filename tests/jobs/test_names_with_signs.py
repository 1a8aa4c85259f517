"""Files whose names look like weights, levels, mixtures or regions: an existing file wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.sentences import said
from impasto.errors import OptionError
from impasto.jobs.requests import StyleInput, parse_styles, split_styles
from impasto.regions.specs import RegionSpec, parse_region

NAMES = [
    "a,b.png", "x@2x.png", "12:30", "12:30.png", "coarse=night.jpg", "my photo #1 50%.png",
    "st,yle.jpg", "a=b.png", "fine=1:2", "x@2x,3:4@y.png",
]  # fmt: skip


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (*NAMES, "m.png", "s.png", "c.png"):
        Path(name).touch()


@pytest.mark.parametrize("name", NAMES)
def test_a_style_is_the_file_of_that_name(name):
    assert parse_styles([name]) == (StyleInput(name),)
    assert parse_styles([f"{name}:0.7"]) == (StyleInput(name, 0.7),)
    assert parse_styles([f"fine={name}"]) == (StyleInput(name, level="fine"),)
    assert parse_styles([f"coarse={name}:2"]) == (StyleInput(name, 2.0, "coarse"),)


@pytest.mark.parametrize("name", NAMES)
def test_a_mixture_is_of_files_with_commas(name):
    assert split_styles(name) == [name]
    assert split_styles(f"{name}:0.6,{name}:0.4") == [f"{name}:0.6", f"{name}:0.4"]
    assert split_styles(f"wave,{name},c.png:2") == ["wave", name, "c.png:2"]


def test_a_mixture_of_names_is_split_at_commas():
    assert split_styles("wave:0.6,starry:0.4") == ["wave:0.6", "starry:0.4"]
    assert split_styles("gone.png,,also-gone.png") == ["gone.png", "also-gone.png"]


@pytest.mark.parametrize("name", NAMES)
def test_a_region_is_of_the_files_of_those_names(name):
    path, other = Path(name), Path("s.png")
    assert parse_region(f"r={name}") == RegionSpec("r", path, keep=True)
    assert parse_region(f" r = {name} ") == RegionSpec("r", path, keep=True)
    assert parse_region(f"r={name}:s.png") == RegionSpec("r", path, other)
    assert parse_region(f"r={name}@s.png") == RegionSpec("r", path, style=other)
    assert parse_region(f"r=m.png@{name}") == RegionSpec("r", Path("m.png"), style=path)
    assert parse_region(f"r={name}@{name}:{name}") == RegionSpec("r", path, path, path)


def test_without_such_files_the_signs_count():
    assert parse_region("r=gone@2x.png") == RegionSpec("r", Path("gone"), style=Path("2x.png"))
    assert parse_region("r=m.png@monet") == RegionSpec("r", Path("m.png"), style=Path("monet"))
    assert parse_region("r=m.png@content").keep
    assert parse_styles(["coarse=gone.jpg:2"]) == (StyleInput("gone.jpg", 2.0, "coarse"),)
    assert "above 0, not -1" in said(OptionError, parse_styles, ["s.png:-1"])
    assert "The region 'm.png' cannot be read" in said(OptionError, parse_region, "m.png")

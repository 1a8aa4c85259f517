"""Names that look like syntax, as photograph, style, part of a mixture and mask, and by rerun."""

from __future__ import annotations

import shutil

import pytest

from helpers.paint_commands import OPTIONS, furnish, pixels_of
from impasto import images
from impasto.cli.main import run
from impasto.jobs.request_json import from_metadata

NAMES = ["a,b.png", "x@2x.png", "12:30.png", "-photo.png", "my photo #1 50%.png", "coarse=n.png"]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    folder = furnish(tmp_path / "work")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_what_it_is_called(name, place):
    path = f"./{name}" if name.startswith("-") else name
    shutil.copy("painting.png", place / name)
    words = [*OPTIONS, "--quiet", "-o"]
    assert run(["paint", "photo.png", path, *words, "style.png"]) == 0
    assert run(["paint", "photo.png", "painting.png", *words, "plain.png"]) == 0
    assert pixels_of("style.png") == pixels_of("plain.png")
    assert run(["paint", path, "photo.png", *words, "content.png"]) == 0
    assert from_metadata(images.read_metadata("content.png")).content in (name, path)
    mixture = [f"{path}:0.7", "photo.png:0.3"]
    assert run(["stylize", "photo.png", "--style", *mixture, "-o", "m.png", "--quiet"]) == 0
    styles = from_metadata(images.read_metadata("m.png")).styles
    assert [(style.source, style.weight) for style in styles] == [(path, 0.7), ("photo.png", 0.3)]
    region = f"all={path}@{path}:{path}"
    assert run(["paint", "photo.png", "painting.png", "--region", region, *words, "r.png"]) == 0
    assert run(["rerun", "r.png", "-o", "again.png", "--quiet"]) == 0
    assert pixels_of("again.png") == pixels_of("r.png")

"""The pictures at the top of README: small, shown, and made by scripts from sample pictures."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from PIL import Image

from impasto.cli.main import _parser

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "readme"
LIMITS = {"strip.jpg": 4.5e5, "studio.webp": 1.5e6}
"""Bytes of each."""


@pytest.fixture(scope="module")
def strip():
    return runpy.run_path(str(ROOT / "docs" / "make_strip.py"))


def test_pictures_are_small_and_shown_in_both_languages():
    sizes = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    assert set(sizes) <= set(LIMITS)
    assert all(size < LIMITS[name] for name, size in sizes.items())
    for name in ("README.md", "README.zh-CN.md"):
        shown = re.findall(r"\]\(docs/readme/([\w.]+)\)", (ROOT / name).read_text("utf-8"))
        assert sorted(shown) == sorted(sizes), name


def test_strip_is_made_of_samples_by_commands_that_exist(strip):
    cells = strip["CELLS"]
    assert len(cells) == 6
    outputs = [cell.output for cell in cells if cell.command]
    assert len(set(outputs)) == len(outputs) == 4
    for cell in cells:
        files = [*cell.pictures, *re.findall(r"[\w/-]+\.(?:jpg|png)", " ".join(cell.command[:-1]))]
        assert all((ROOT / file).is_file() for file in files), files
        if cell.command:
            assert _parser(cell.command[0]).parse_args(list(cell.command)) is not None


def test_strip_has_the_layout_of_its_cells(strip, tmp_path, monkeypatch):
    functions = strip["strip"].__globals__
    monkeypatch.setitem(functions, "ROOT", tmp_path)
    for number, cell in enumerate(strip["CELLS"]):
        for name in cell.pictures or (cell.output,):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (64, 48), (40 * number, 0, 0)).save(tmp_path / name)
    sheet = strip["strip"]()
    with Image.open(FOLDER / "strip.jpg") as shown:
        assert sheet.size == shown.size
    width, height = strip["CELL"]
    assert sheet.getpixel((width // 2, height // 4)) == (0, 0, 0)  # the photograph
    assert sheet.getpixel((sheet.width - 9, sheet.height - strip["LINE"] - 9)) == (200, 0, 0)

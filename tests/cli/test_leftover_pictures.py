"""Pictures that are being written, or were when a program was killed, are no pictures."""

from __future__ import annotations

import os

import pytest

from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli.main import run
from impasto.images.samples import PAIRS
from impasto.runtime.processes import machine_id


@pytest.fixture
def folder(tmp_path):
    """A picture, and half of one that this process is writing."""
    folder = tmp_path / "pictures"
    images.write(folder / "a.png", smooth_picture(48, 64, seed=1))
    half = (folder / "a.png").read_bytes()[:500]
    (folder / f".impasto-{machine_id()}-{os.getppid()}-0123abcd.png").write_bytes(half)
    return folder


def test_a_gallery_shows_whole_pictures(folder, capsys):
    assert run(["gallery", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert "gallery.html: 1 picture\n" in out
    assert err == ""


def test_a_folder_is_painted_without_them(folder, tmp_path, capsys):
    style = str(PAIRS["tuebingen-starry-night"].style_path)
    words = ["stylize", str(folder), "--style", style, "-o", str(tmp_path / "out"), "--quiet"]
    assert run(words) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]


def test_that_of_a_running_program_stays(folder, tmp_path):
    images.write(folder / "b.png", smooth_picture(48, 64, seed=2))
    assert len([path for path in folder.iterdir() if path.name.startswith(".")]) == 1

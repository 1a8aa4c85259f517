"""No command replaces what it reads, and none reads without end."""

from __future__ import annotations

import os

import pytest

from helpers.metadata import stylize_metadata
from helpers.random_inputs import smooth_picture
from helpers.sentences import check_told
from impasto import images
from impasto.cli.main import run


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "b.png", "folder/c.png"):
        images.write(tmp_path / name, smooth_picture(48, 64, seed=len(name)))
    return tmp_path


def files(place):
    return {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "words",
    [
        ["compare", "a.png", "b.png", "--sweep", "seed=1,2", "-o", "a.png"],
        ["compare", "a.png", "b.png", "--sweep", "seed=1,2", "-o", "./b.png"],
        ["edges", "a.png", "-o", "a.png"],
        ["edges", "folder", "-o", "folder/c.png"],
        ["edges", "a.png", "--content", "b.png", "-o", "b.png"],
        ["inspect", "a.png", "-o", "a.png"],
        ["inspect", "a.png", "--against", "b.png", "-o", "b.png"],
        ["inspect", "a.png", "--channel", "3", "--folder", "folder", "-o", "folder/c.png"],
    ],
)
def test_an_input_is_never_replaced(words, place, capsys):
    before = files(place)
    assert run(words) == 2
    check_told(capsys, "is read and would be replaced: name another -o.")
    assert files(place) == before


@pytest.mark.parametrize("option", [["--log", "x.csv"], ["--snapshots", "2"], ["--resume"],
                                    ["--report", "x.html"]])  # fmt: skip
def test_rerun_of_a_one_pass_picture_refuses_options_of_paintings(option, place, capsys):
    told = stylize_metadata("a.png", {"b.png": 1.0}, {})
    images.write("made.png", smooth_picture(8, 8, seed=3), metadata=told)
    assert run(["rerun", "made.png", "-o", "again.png", *option]) == 2
    check_told(capsys, f"{option[0]} is for paintings")
    assert not (place / "again.png").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_devices_and_named_pipes_are_refused(place, capsys):
    os.mkfifo(place / "pipe.png")
    for source in ("/dev/zero", "pipe.png"):
        assert run(["inspect", source, "-o", "sheet.png"]) == 2
        check_told(capsys, "is a device or a named pipe: name a picture file.")


def test_a_report_of_a_texture_made_again(place, capsys):
    pytest.importorskip("matplotlib")
    small = ["--size", "48", "--steps", "1", "--final-steps", "1", "--quiet"]
    assert run(["texture", "a.png", "-o", "t.png", *small]) == 0
    assert run(["rerun", "t.png", "-o", "u.png", "--report", "u.html", "--quiet"]) == 0
    assert "a painting" in (place / "u.html").read_text("utf-8")

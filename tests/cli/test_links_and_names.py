"""Links that lead in a circle, hard links, names that no disk has: never a traceback."""

from __future__ import annotations

import os

import pytest

from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli.main import run

SIZE = ["--size", "48", "--scales", "1", "--steps", "1", "--quiet"]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "in/x.png"):
        images.write(name, smooth_picture(48, 64, seed=1))
    try:
        os.symlink("circle.png", "circle.png")
    except OSError:
        pytest.skip("no links here")
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["paint", "a.png", "a.png", "-o", "circle.png", *SIZE],
        ["paint", "circle.png", "a.png", "-o", "o.png", *SIZE],
        ["paint", "a.png", "circle.png", "-o", "o.png", *SIZE],
        ["stylize", "a.png", "--style", "a.png", "-o", "circle.png", "--overwrite"],
        ["stylize", "circle.png", "--style", "a.png", "-o", "o.png"],
        ["gallery", "circle.png", "-o", "o.html"],
        ["edges", "circle.png"],
    ],
)
def test_a_circle_of_links_is_no_file(words, place, capsys):
    assert run(words) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "circle.png" in message
    assert os.path.islink("circle.png")


def test_a_hard_link_of_the_photograph_is_another_file(place):
    before = (place / "a.png").read_bytes()
    os.link("a.png", "hard.png")
    words = ["stylize", "a.png", "--style", "a.png", "-o", "hard.png", "--overwrite", "--quiet"]
    assert run(words) == 0
    assert (place / "a.png").read_bytes() == before


def test_a_link_out_of_the_folder_of_outputs_is_not_followed_to_a_photograph(place, capsys):
    before = (place / "in" / "x.png").read_bytes()
    os.symlink("in", "out")
    assert run(["stylize", "in", "--style", "a.png", "-o", "out", "--overwrite"]) == 2
    assert "would be replaced" in capsys.readouterr().err
    assert (place / "in" / "x.png").read_bytes() == before


@pytest.mark.parametrize("folder", ["a" * 5000, "\n", "/dev/null", "~nobody-here/x"])
def test_any_cache_folder_lists_what_is_built_in(folder, place, monkeypatch, capsys):
    monkeypatch.setenv("IMPASTO_CACHE", folder)
    assert run(["models", "list"]) == 0
    assert "starry-night" in capsys.readouterr().out

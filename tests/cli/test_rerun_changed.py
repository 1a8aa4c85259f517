"""``impasto rerun`` with options: they change what a picture was made with."""

from __future__ import annotations

import argparse
import shlex

import pytest

from helpers.random_inputs import smooth_picture
from helpers.sentences import check_told
from impasto import images
from impasto.cli.main import _parser, run
from impasto.jobs.request_json import from_metadata

FAST = "--size 64 --scales 1 --steps 2 --quiet"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images.write("photo.png", smooth_picture(48, 64, seed=1))
    images.write("painting.png", smooth_picture(48, 48, seed=2))
    images.write("other.png", smooth_picture(48, 48, seed=3))


def impasto(line: str) -> int:
    return run(shlex.split(line))


def request(name: str):
    return from_metadata(images.read_metadata(name))


def pixels(name: str) -> bytes:
    return images.read(name).tensor.numpy().tobytes()


def test_a_painting_is_changed_as_if_painted_so(capsys):
    assert impasto(f"paint photo.png painting.png -o a.png {FAST}") == 0
    assert impasto("rerun a.png --style-weight 2 --color content -o b.png --quiet") == 0
    more = "--style-weight 2 --colour content"
    assert impasto(f"paint photo.png painting.png -o c.png {FAST} {more}") == 0
    assert request("b.png") == request("c.png")
    assert pixels("b.png") == pixels("c.png") != pixels("a.png")


def test_sources_are_changed(capsys):
    assert impasto(f"paint photo.png painting.png -o a.png {FAST}") == 0
    line = "rerun a.png --style other.png:2 --style painting.png:1 --content painting.png"
    assert impasto(f"{line} -o b.png --quiet") == 0
    assert impasto(f"paint painting.png other.png:2 painting.png:1 -o c.png {FAST}") == 0
    assert request("b.png") == request("c.png")
    assert pixels("b.png") == pixels("c.png")


def test_one_pass_is_changed(capsys):
    assert impasto("stylize photo.png --style painting.png -o a.png --quiet") == 0
    assert impasto("rerun a.png --strength 0.5 --size 96 -o b.png --quiet") == 0
    line = "stylize photo.png --style painting.png --strength 0.5 --size 96"
    assert impasto(f"{line} -o c.png --quiet") == 0
    assert request("b.png") == request("c.png")
    assert pixels("b.png") == pixels("c.png")


def test_a_texture_gets_another_size(capsys):
    line = "texture painting.png -o a.png --size 64x32 --scales 1 --steps 1"
    assert impasto(f"{line} --quiet") == 0
    assert impasto("rerun a.png --size 32x48 --tileable -o b.png --quiet") == 0
    assert images.read("b.png").size == (48, 32)
    assert request("b.png").tileable


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--strength 7", "--strength must be from 0 to 1, not 7.0."),
        ("--size 4x4", "--size is one number, the long side: 1024."),
        ("--size big", "--size is a number of pixels, or WxH, not 'big'."),
        ("--tileable", "The picture was made by paint, which has no --tileable: leave it out."),
        ("--model any", "The picture was made by paint, which has no --model: leave it out."),
        ("--recipe nothing", "Unknown recipe 'nothing'"),
        ("--region sky", "The region 'sky' cannot be read"),
    ],
)
def test_what_is_refused_writes_nothing(options, told, capsys, tmp_path):
    assert impasto(f"paint photo.png painting.png -o a.png {FAST}") == 0
    before = sorted(tmp_path.iterdir())
    assert impasto(f"rerun a.png {options} -o b.png --quiet") == 2
    check_told(capsys, told)
    assert sorted(tmp_path.iterdir()) == before


def test_rerun_has_every_option_of_the_commands_that_make_pictures():
    """Options without a value of their own in the request are those of the run."""

    def options(name: str) -> set[str]:
        parser = _parser(name)._subparsers._group_actions[0].choices[name]
        shown = [a for a in parser._actions if a.help != argparse.SUPPRESS]
        return {word for action in shown for word in action.option_strings}

    files_of_a_batch = {"--format", "--save-style"}
    for name in ("paint", "stylize", "texture", "reconstruct"):
        assert options(name) - options("rerun") - files_of_a_batch == set(), name

"""Regions that all have a style of their own need no style beside them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import impasto
from helpers.paint_commands import OPTIONS, furnish
from helpers.pixels_of_files import pixels
from helpers.random_inputs import smooth_picture
from helpers.sentences import check_told
from impasto import images
from impasto.cli.main import run
from impasto.errors import OptionError
from impasto.onepass.stylizer import Stylizer

UNCOVERED = "The regions leave 50% of the picture uncovered: the photograph stays there."


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A working folder: photo.png, two styles, masks of the halves and of the upper right."""
    folder = furnish(tmp_path / "work")
    monkeypatch.chdir(folder)
    images.write("other.png", smooth_picture(48, 64, seed=5))
    for name, rows in (("top", slice(24)), ("bottom", slice(24, 48)), ("corner", slice(12))):
        mask = torch.zeros(1, 3, 48, 64)
        mask[:, :, rows] = 1
        images.write(f"{name}.png", mask)
    return folder


TOP, BOTTOM = "up=top.png@painting.png", "down=bottom.png@other.png"


def paint(*words, command="paint"):
    return run([command, "photo.png", *words, *OPTIONS * (command == "paint")])


@pytest.mark.parametrize("command", ["paint", "stylize"])
def test_regions_with_styles_need_no_other(command, capsys):
    words = ["--region", TOP, "--region", BOTTOM]
    assert paint(*words, "-o", "own.png", command=command) == 0
    assert "uncovered" not in capsys.readouterr().err
    # A style for what they leave uncovered has no effect: there is nothing.
    assert paint(*words, "--style", "photo.png", "-o", "with.png", command=command) == 0
    assert np.array_equal(pixels("own.png"), pixels("with.png"))
    assert run(["rerun", "own.png", "-o", "again.png", "--quiet"]) == 0
    assert np.array_equal(pixels("own.png"), pixels("again.png"))


@pytest.mark.parametrize("command", ["paint", "stylize"])
@pytest.mark.parametrize("colour", ["style", "match"])
def test_the_photograph_stays_where_there_is_no_region(command, colour, capsys):
    words = ["--region", TOP, "--colour", colour]
    assert paint(*words, "-o", "own.png", command=command) == 0
    assert capsys.readouterr().err.count(UNCOVERED) == 1
    photo, painted = pixels("photo.png"), pixels("own.png")
    assert np.array_equal(painted[24:], photo[24:])
    assert not np.array_equal(painted[:24], photo[:24])
    # It is what a region that keeps the photograph does.
    assert paint(*words, "--region", "rest=bottom.png", "-o", "k.png", command=command) == 2
    check_told(capsys, "none the name 'rest'")
    assert paint(*words, "--region", "low=bottom.png", "-o", "k.png", command=command) == 0
    assert "uncovered" not in capsys.readouterr().err
    assert np.array_equal(pixels("k.png"), painted)


def test_python_needs_no_style_either():
    regions = [TOP, BOTTOM]
    quick = {"encoder": "tiny.safetensors", "content_layers": {"relu4_1": 1.0}, "size": 64,
             "scales": 2, "scale_ratio": 1.414, "steps": 6, "final_steps": 6}  # fmt: skip
    painted = impasto.paint("photo.png", regions=regions, **quick)
    assert paint("--region", TOP, "--region", BOTTOM, "-o", "own.png", "--quiet") == 0
    painted.save("python.png")
    assert np.array_equal(pixels("python.png"), pixels("own.png"))
    impasto.stylize("photo.png", regions=regions).save("s.png")
    assert paint("--region", TOP, "--region", BOTTOM, "-o", "t.png", command="stylize") == 0
    assert np.array_equal(pixels("s.png"), pixels("t.png"))


def test_named_styles_of_regions_choose_the_model():
    words = ["--region", "up=top.png@great-wave", "--region", "down=bottom.png@scream"]
    assert paint(*words, "-o", "named.png", command="stylize") == 0
    assert paint(*words, "--style", "scream", "-o", "with.png", command="stylize") == 0
    assert np.array_equal(pixels("named.png"), pixels("with.png"))


def test_a_start_in_one_pass_needs_no_other_style():
    assert paint("--region", TOP, "--init", "any", "-o", "own.png", "--quiet") == 0
    assert np.array_equal(pixels("own.png")[24:], pixels("photo.png")[24:])


@pytest.mark.parametrize("command", ["paint", "stylize"])
@pytest.mark.parametrize(
    ("regions", "told"),
    [
        (["up=top.png"], "Name a "),
        (["up=top.png:bottom.png"], "Name a "),
        ([TOP, "down=bottom.png:corner.png"],
         "The region down has a style mask, but there is no style picture: name the picture, "
         "down=mask.png@style.jpg:corner.png."),
    ],
)  # fmt: skip
def test_without_any_style_there_is_nothing_to_paint(command, regions, told, capsys):
    words = [word for region in regions for word in ("--region", region)]
    assert paint(*words, "-o", "x.png", command=command) == 2
    check_told(capsys, told)


def test_a_stylizer_without_styles_paints_regions_alone():
    with pytest.raises(OptionError, match="Name a style"):
        Stylizer([], model="any").paint(images.read("photo.png"))

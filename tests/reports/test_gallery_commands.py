"""The command that makes a picture again."""

import shlex
from pathlib import Path

import pytest

from impasto.cli.main import _parser
from impasto.jobs.requests import (
    PaintRequest,
    StyleInput,
    StylizeRequest,
    as_region_specs,
    parse_styles,
)
from impasto.reports.gallery_commands import rerun_command

PAINTING = PaintRequest("photos/cat.jpg", (StyleInput("paintings/wave.jpg"),))


def stylized(content, styles, **entries):
    """The request for a picture made in one pass."""
    inputs = tuple(StyleInput(name, weight) for name, weight in styles.items())
    return StylizeRequest(content, inputs, **entries)


@pytest.mark.parametrize("masks", [{"regions": as_region_specs(["a=b"])}, {"mask": "m.png"}])
def test_a_one_pass_picture_with_masks_is_made_again_from_its_file(masks):
    line = rerun_command(Path("x.png"), stylized("cat.jpg", {"wave": 1.0}, **masks))
    assert line == ["impasto", "rerun", "x.png", "-o", "x-again.png"]


@pytest.mark.parametrize("name", ["out/a.png", "out dir/it's.jpg", "-a.png", "$(ls).png"])
def test_a_painting_is_made_again_by_rerun(name):
    words = shlex.split(" ".join(rerun_command(Path(name), PAINTING)))
    args = _parser("rerun").parse_args(words[1:])
    assert (words[0], words[1]) == ("impasto", "rerun")
    assert Path(args.picture) == Path(name)
    assert Path(args.output) == Path(name).with_name(f"{Path(name).stem}-again{Path(name).suffix}")


def test_a_one_pass_picture_is_made_again_by_stylize():
    options = {
        "strength": 0.5, "colour": "match", "colour_space": "oklab", "colour_match": "pca",
        "model": "any", "size": 512,
    }  # fmt: skip
    request = stylized("my photos/cat.jpg", {"a b.jpg": 0.7, "-wave": 0.3}, **options)
    words = shlex.split(" ".join(rerun_command(Path("out/x.png"), request)))
    args = _parser("stylize").parse_args(words[1:])
    assert args.contents == [Path("my photos/cat.jpg")]
    styles = [(style.name, style.weight) for style in parse_styles(args.style)]
    assert styles == [("a b.jpg", 0.7), ("./-wave", 0.3)]
    assert (args.strength, args.colour, args.colour_match) == (0.5, "match", "pca")
    assert (args.model, args.size, args.output) == ("any", 512, Path("out/x-again.png"))
    assert "--colour-space" not in " ".join(words)


def test_default_options_are_left_out():
    request = stylized("cat.jpg", {"wave": 1.0}, strength=1.0, colour="style", model="", size=0)
    line = " ".join(rerun_command(Path("x.png"), request))
    assert line == "impasto stylize cat.jpg --style wave -o x-again.png"


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("x.png", stylized("a\nrm -r ~", {"wave": 1.0})),
        ("x.png", stylized("a\x1b[201~", {"wave": 1.0})),
        ("x.png", stylized("a", {"wave": 1.0}, model="b\n")),
        ("x\x07.png", PAINTING),
    ],
)
def test_a_name_with_control_characters_gives_no_command(name, request_):
    assert rerun_command(Path(name), request_) is None


def test_names_cannot_leave_their_quotes():
    request = stylized("a; rm -r ~ #.jpg", {"$(ls)": 1.0}, model="x' y `z`")
    words = rerun_command(Path("x.png"), request)
    assert shlex.split(" ".join(words)) == [
        "impasto", "stylize", "a; rm -r ~ #.jpg", "--style", "$(ls)", "--model=x' y `z`",
        "-o", "x-again.png",
    ]  # fmt: skip

"""Regions of a photograph, each in a style that the model knows by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import impasto
from helpers.pixels_of_files import pixels
from helpers.random_inputs import smooth_picture
from helpers.sentences import check_told
from helpers.tiny_networks import fixed_styles
from impasto import images
from impasto.cli.main import run
from impasto.jobs.request_json import from_metadata
from impasto.networks.files import save_network
from impasto.networks.model import IDENTITY
from impasto.regions.masks import parse_region


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in: a photograph, a mask of its left half, a model of two styles."""
    monkeypatch.chdir(tmp_path)
    images.write("photo.png", smooth_picture(64, 96, seed=1))
    for name, share in (("left", 0.5), ("all", 1.0)):
        mask = torch.zeros(1, 3, 64, 96)
        mask[..., : round(96 * share)] = 1
        images.write(f"{name}.png", mask)
    model = fixed_styles("paint", "wave", "scream", IDENTITY)
    save_network("two.safetensors", model, dtype=torch.float32)
    return tmp_path


def stylize(*words: str, output: str) -> int:
    own = ["--model", "two.safetensors", "--precision", "float32", "-o", output, "--quiet"]
    return run(["stylize", "photo.png", *words, *own])


def test_a_region_that_is_all_is_painted_in_its_style(place):
    assert stylize("--style", "scream", output="scream.png") == 0
    words = ["--style", "wave", "--region", "all=all.png@scream"]
    assert stylize(*words, output="region.png") == 0
    assert np.abs(pixels("region.png") - pixels("scream.png")).max() <= 1 / 255


def test_some_of_the_words_of_a_name_will_do(place):
    model = fixed_styles("paint", "great-wave", "the-scream", IDENTITY)
    save_network("two.safetensors", model, dtype=torch.float32)
    for wave, scream, output in (
        ("great-wave", "the-scream", "long.png"), ("wave", "scream", "short.png")
    ):  # fmt: skip
        words = ["--style", wave, "--region", f"sky=left.png@{scream}"]
        assert stylize(*words, output=output) == 0
    assert np.array_equal(pixels("short.png"), pixels("long.png"))


def test_each_half_has_its_style(place):
    """As in Python with the same vectors, and each half nearer to its own style's picture."""
    assert stylize("--style", "wave", "--region", "sky=left.png@scream", output="both.png") == 0
    for name in ("wave", "scream"):
        assert stylize("--style", name, output=f"{name}.png") == 0
    both, wave, scream = (pixels(f"{name}.png") for name in ("both", "wave", "scream"))
    left, right = slice(0, 32), slice(64, 96)
    for part, own, other in ((left, scream, wave), (right, wave, scream)):
        near = np.abs(both[:, part] - own[:, part]).mean()
        assert near < 0.7 * np.abs(both[:, part] - other[:, part]).mean()
    made = impasto.stylize(
        "photo.png",
        "wave",
        model="two.safetensors",
        regions=["sky=left.png@scream"],
        precision="float32",
    )
    assert np.abs(np.asarray(made.image) / 255 - both).max() <= 1 / 255


def test_it_can_be_made_again(place):
    assert stylize("--style", "wave", "--region", "sky=left.png@scream", output="both.png") == 0
    assert run(["rerun", "both.png", "-o", "again.png", "--quiet"]) == 0
    assert np.array_equal(pixels("again.png"), pixels("both.png"))


def test_a_file_of_that_name_goes_before_it(place, capsys):
    (place / "scream").write_bytes((place / "photo.png").read_bytes())
    assert stylize("--style", "wave", "--region", "sky=left.png@scream", output="x.png") == 2
    check_told(capsys, "A region can have a style picture of its own if --style is a picture")


@pytest.mark.parametrize(
    ("region", "sentence"),
    [
        ("sky=left.png@scream:all.png", "the style scream is no picture: leave the mask out."),
        ("sky=left.png@screem", "Unknown style of this model 'screem'"),
        ("sky=left.png@screem", "Did you mean 'scream'?"),
        (f"sky=left.png@{IDENTITY}", "Unknown style of this model 'photograph'"),
        ("sky=left.png@screem.png", "A region can have a style picture of its own if --style is"),
    ],
)
def test_a_mistake_is_one_sentence(region, sentence, place, capsys):
    assert stylize("--style", "wave", "--region", region, output="x.png") == 2
    check_told(capsys, sentence)
    assert not (place / "x.png").exists()


def test_names_need_a_model_that_knows_names(place, capsys):
    words = ["photo.png", "--style", "photo.png", "--region", "sky=left.png@great-wave"]
    assert run(["stylize", *words, "-o", "x.png", "--quiet"]) == 2
    check_told(capsys, "The region sky names great-wave, which is no file: styles known by name")
    assert not (place / "x.png").exists()


def test_the_names_are_in_the_record(place):
    assert stylize("--style", "wave", "--region", "sky=left.png@scream", output="both.png") == 0
    request = from_metadata(images.read_metadata("both.png"))
    assert request.regions == (parse_region("sky=left.png@scream"),)

"""Pictures with too many pixels are refused wherever they are read; small ones are enlarged so far.

The limit can be raised at each of those places.
"""

import pytest
import torch

import impasto
from helpers.random_inputs import random_encoder, smooth_picture
from helpers.sentences import check_told
from impasto import images
from impasto.cli.main import run
from impasto.encoders.files import save_encoder
from impasto.encoders.vgg import Architecture
from impasto.errors import ImageError
from impasto.images import decoding, picture

HAVE = 48 * 64
QUICK = {
    "encoder": "tiny.safetensors", "content_layers": {"relu4_1": 1.0}, "scales": 1, "steps": 1,
    "size": 64,
}  # fmt: skip
SHORT = ["--encoder", "tiny.safetensors", "--scales", "1", "--steps", "1"]
OPTIONS = [*SHORT, "--content-layers", "relu4_1"]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A folder to be in: a photograph, a painting, two folders of them, and a tiny encoder."""
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(
        ("photo.png", "painting.png", "made/photo-painting.png", "made/two/photo-painting.png")
    ):
        images.write(tmp_path / name, smooth_picture(48, 64, seed=number))
    architecture = Architecture((4, 6, 8, 8, 8), (1, 1, 1, 1, 1), padding="reflect")
    save_encoder(tmp_path / "tiny.safetensors", random_encoder(architecture), dtype=torch.float32)
    return tmp_path


CALLS = {
    "paint": lambda **more: impasto.paint("photo.png", "painting.png", **QUICK, **more),
    "texture": lambda **more: impasto.texture(
        "painting.png", 48, encoder="tiny.safetensors", scales=1, steps=1, **more
    ),
    "stylize": lambda **more: impasto.stylize("photo.png", "great-wave", **more),
    "reconstruct": lambda **more: impasto.reconstruct(
        "photo.png", "relu2_1", encoder="tiny.safetensors", scales=1, steps=1, size=64, **more
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    with pytest.raises(ImageError, match=f"48 = {HAVE} pixels and at most {HAVE - 1} are read"):
        CALLS[name](max_pixels=HAVE - 1)
    assert CALLS[name](max_pixels=HAVE).tensor.shape[0] == 1


COMMANDS = {
    "paint": ["photo.png", "painting.png", "-o", "out.png", *OPTIONS, "--size", "64"],
    "compare": ["photo.png", "painting.png", "-o", "grid.png", "--report", "grid.html",
                "--sweep", "style-weight=1,2", "--workers", "1", "--size", "64", *OPTIONS],
    "inspect": ["photo.png", "-o", "maps.png", "--against", "painting.png"],
    "features": ["photo.png", "painting.png"],
    "edges": ["made/two", "--content", "photo.png"],
    "gallery": ["made/two"],
    "reconstruct": ["photo.png", "--layer", "relu2_1", "-o", "out.png", "--size", "64", *SHORT],
    "texture": ["painting.png", "-o", "out.png", "--size", "48", *SHORT],
    "evaluate": ["made/two", "--content", "photo.png", "--style", "painting.png", "--quiet",
                 "--metrics", "gram,ssim"],
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(name, capsys):
    words = [name, *COMMANDS[name], "--max-pixels"]
    assert run([*words, str(HAVE - 1)]) == 2
    check_told(capsys, f"--max-pixels {HAVE}")
    assert run([*words, str(HAVE)]) == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_every_reading_has_the_limit_that_was_given(name, monkeypatch):
    """But that of what the program has made itself: the cells of the grid, a sheet."""
    decode = decoding.decode

    def strict(image, source, max_pixels, **options):
        assert max_pixels == HAVE or "cells" in source or source == "The given image", source
        return decode(image, source, max_pixels, **options)

    monkeypatch.setattr(picture, "decode", strict)
    assert run([name, *COMMANDS[name], "--max-pixels", str(HAVE)]) == 0


# --- enlarging -----------------------------------------------------------------------------------


def small(*words):
    images.write("small.png", smooth_picture(24, 32, seed=7))
    return run(["paint", "small.png", "painting.png", "-o", "out.png", *OPTIONS, *words])


def test_a_picture_that_is_too_small_for_the_size_is_told_of(capsys):
    assert small("--size", "512") == 0
    assert images.read("out.png").size == (96, 128)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == (
        "impasto: small.png is enlarged 4 times at most: the long side is 128 px, not 512."
    )


def test_so_it_is_by_reconstruct(capsys):
    images.write("small.png", smooth_picture(24, 32, seed=7))
    words = ["reconstruct", "small.png", "--layer", "relu2_1", "-o", "out.png", *SHORT]
    assert run([*words, "--size", "512"]) == 0
    assert images.read("out.png").size == (96, 128)
    assert "small.png is enlarged 4 times at most" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--size", "128"], ["--size", "512", "--quiet"]])
def test_it_is_told_only_where_it_bites_and_not_quietly(words, capsys):
    assert small(*words) == 0
    assert "enlarged" not in capsys.readouterr().err


def test_the_help_tells_the_limit(capsys, monkeypatch):
    with pytest.raises(SystemExit):
        run(["paint", "-h"])
    said = " ".join(capsys.readouterr().out.split())
    assert f"at most {images.MAX_ENLARGE:g} times the photograph's [" in said

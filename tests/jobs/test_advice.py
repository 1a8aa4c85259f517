"""What is told after a painting that lost much of its photograph, and of substituted encoders."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import torch

import impasto
from helpers.quick_paintings import SMALL
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli.main import run as run_command
from impasto.encoders.files import save_encoder
from impasto.errors import OptionError, render
from impasto.jobs.advice import MUCH_LOST, structure_advice
from impasto.jobs.events import Finished, Note
from impasto.jobs.requests import PaintRequest, StyleInput
from impasto.jobs.resources import Resources
from impasto.painting.structure import kept_structure
from impasto.recipes.presets import RECIPES
from impasto.weights import open as opening

PIXELS = images.as_uint8(smooth_picture(64, 64, seed=1))
NOISE = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))

LOST = SMALL.replace(
    size=64, scales=1, steps=8, content_weight=1e-6, tv_weight=0.0, style_loss="gram"
)
"""Repaints a photograph as noise."""


@pytest.fixture
def noise_like(encoder) -> PaintRequest:
    photo, style = images.read(PIXELS), images.read(NOISE)
    return PaintRequest(photo, (StyleInput(style),), LOST.replace(encoder=encoder))


def notes(request: PaintRequest, resources: Resources | None = None) -> list[str]:
    events = list(impasto.run(request, resources=resources))
    assert isinstance(events[-1], Finished)
    return [event.text for event in events if isinstance(event, Note)]


def test_it_is_told_once_before_the_end(noise_like):
    resources = Resources()
    (told,) = notes(noise_like, resources)
    assert "of the photograph's structure is left" in told
    assert "recipe photo, colour content or content_weight 3e-06 keeps more" in told
    assert notes(noise_like, resources) == []
    assert len(notes(noise_like)) == 1


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"colour": "content"}, "recipe photo or content_weight 3e-06 keeps"),
        ({"laplacian_weight": 0.05}, "colour content or content_weight 3e-06 keeps"),
        ({"colour": "content", "laplacian_weight": 0.05}, "content_weight 3e-06 keeps"),
    ],
)
def test_what_is_done_already_is_not_advised(noise_like, changes, named):
    request = PaintRequest(
        noise_like.content, noise_like.styles, noise_like.recipe.replace(**changes)
    )
    photo, lost = images.read(PIXELS), NOISE[None]
    assert kept_structure(lost, photo.tensor) < MUCH_LOST
    assert named in render(structure_advice(request, lost, photo))
    assert "recipe photo or colour" not in render(structure_advice(request, lost, photo))


@pytest.mark.parametrize(
    "changes", [{"init": "noise"}, {"init": "noisy-content"}, {"content_weight": 0}]
)
def test_paintings_that_are_not_to_be_a_photograph_get_no_advice(noise_like, changes):
    recipe = noise_like.recipe.replace(**changes)
    assert notes(PaintRequest(noise_like.content, noise_like.styles, recipe)) == []


def test_kept_photographs_textures_and_stopped_paintings_get_no_advice(noise_like, encoder):
    kept = noise_like.recipe.replace(content_weight=1e3)
    assert notes(PaintRequest(noise_like.content, noise_like.styles, kept)) == []
    texture = impasto.TextureRequest(noise_like.styles, (64, 64), noise_like.recipe)
    assert notes(texture) == []
    running = impasto.run(noise_like)
    running.stop()
    assert not [event for event in running if isinstance(event, Note)]


def test_the_command_names_options(tmp_path, encoder, capsys):
    for name, pixels in (("photo.png", PIXELS), ("noise.png", NOISE[None])):
        images.write(tmp_path / name, pixels)
    save_encoder(tmp_path / "tiny.safetensors", encoder, dtype=torch.float32)
    recipe = LOST.replace(encoder=tmp_path / "tiny.safetensors")
    (tmp_path / "lost.toml").write_text(recipe.to_toml(), encoding="utf-8")
    words = [str(tmp_path / name) for name in ("photo.png", "noise.png")]
    command = [
        "paint",
        *words,
        "-o",
        str(tmp_path / "out.png"),
        "--recipe",
        str(tmp_path / "lost.toml"),
    ]
    assert run_command(command) == 0
    told = capsys.readouterr().err
    assert told.count("--recipe photo, --colour content or --content-weight 3e-06") == 1
    assert run_command([*command, "--overwrite", "--quiet"]) == 0
    assert "structure" not in capsys.readouterr().err


def test_notes_of_a_function_are_logged(noise_like, caplog):
    with caplog.at_level(logging.WARNING, "impasto"):
        impasto.paint(PIXELS, NOISE, recipe=noise_like.recipe)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("impasto", "WARNING")
    assert "content_weight 3e-06 keeps more." in record.getMessage()


# --- encoders that are not there ------------------------------------------------------------------


@pytest.fixture
def not_there(empty, monkeypatch) -> None:
    """No weights at hand but the built-in ones, and nothing may be fetched."""
    monkeypatch.setattr(opening, "ensure", opening.locate)


def test_the_papers_recipes_need_no_download(not_there, tmp_path: Path):
    recipe = impasto.get_recipe("gatys2015").replace(size=64, steps=1)
    assert {r.encoder for name, r in RECIPES.items() if "gatys" in name} == {"vgg19 or compact2"}
    request = PaintRequest(images.read(PIXELS), (StyleInput(images.read(NOISE)),), recipe)
    running = impasto.run(request)
    told = [event.text for event in running if isinstance(event, Note)]
    assert len(told) == 1
    assert "vgg19 is not on this machine: compact2" in told[0]
    assert "encoder vgg19 downloads it once (575 MB)" in told[0]
    resources = Resources()
    assert [len(notes(request, resources)) for _ in range(2)] == [1, 0]
    result = running.result
    assert result.recipe == recipe.replace(encoder="compact2")
    path = result.save(tmp_path / "made.png")
    described = json.loads(images.read_metadata(path)["request"])
    assert described["recipe"]["encoder"] == "compact2"
    same = impasto.paint(PIXELS, NOISE, recipe=recipe.replace(encoder="compact2"))
    assert torch.equal(same.tensor, result.tensor)
    step = next(iter(impasto.Painter(PIXELS, NOISE, recipe)))
    assert step.note == told[0]


def test_an_encoder_that_is_there_is_used_without_a_word(not_there, encoder, monkeypatch):
    monkeypatch.setitem(opening.ENCODERS._entries, "mine", lambda: encoder)
    request = PaintRequest(
        images.read(PIXELS), (StyleInput(images.read(NOISE)),),
        SMALL.replace(encoder="mine or compact", size=64, scales=1, steps=1),
    )  # fmt: skip
    running = impasto.run(request)
    assert not [event for event in running if isinstance(event, Note)]
    assert running.result.recipe.encoder == "mine"


def test_the_command_falls_back_and_finds_its_picture_again(not_there, tmp_path, capsys):
    for name, pixels in (("photo.png", PIXELS), ("noise.png", NOISE[None])):
        images.write(tmp_path / name, pixels)
    words = [str(tmp_path / name) for name in ("photo.png", "noise.png")]
    options = ["--recipe", "gatys2016", "--size", "64", "--steps", "1"]
    command = ["paint", *words, "-o", str(tmp_path / "out.png"), *options]
    assert run_command(command) == 0
    assert capsys.readouterr().err.count("--encoder vgg19 downloads it once (575 MB)") == 1
    assert run_command(command) == 0
    assert "exists already, made in the same way" in capsys.readouterr().out
    assert (
        run_command(["rerun", "--trust", str(tmp_path / "out.png"), "-o", str(tmp_path / "b.png")])
        == 0
    )
    first, second = (images.read(tmp_path / name).tensor for name in ("out.png", "b.png"))
    assert torch.equal(first, second)


def test_a_comparison_tells_it_once(not_there, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, pixels in (("photo.png", PIXELS), ("noise.png", NOISE[None])):
        images.write(name, pixels)
    options = ["--recipe", "gatys2015", "--size", "64", "--steps", "1", "--workers", "1"]
    sweep = ["--sweep", "content-weight=0.1,1", "-o", "grid.png"]
    assert run_command(["compare", "photo.png", "noise.png", *options, *sweep]) == 0
    assert capsys.readouterr().err.count("--encoder vgg19 downloads it once") == 1
    cells = [images.read_metadata(path) for path in tmp_path.glob("grid*/*.png")]
    assert {json.loads(cell["request"])["recipe"]["encoder"] for cell in cells} == {"compact2"}


def test_an_unknown_encoder_is_still_refused():
    with pytest.raises(OptionError, match="Unknown encoder 'vgg99'"):
        impasto.Painter(PIXELS, NOISE, impasto.Recipe(encoder="vgg19x or vgg99"))

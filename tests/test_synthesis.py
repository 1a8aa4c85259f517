"""Textures and reconstructions: from noise, with one term alone."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

import impasto
from impasto import images
from impasto.borders import padded
from impasto.circular import (
    CircularEncoder,
    CircularPreconditioner,
    CircularVariation,
    resize_circular,
)
from impasto.cli.main import run
from impasto.encoders import Encoder
from impasto.errors import OptionError
from impasto.images import Picture
from impasto.losses.variation import VARIATIONS, total_variation
from impasto.optimisers import OPTIMISERS
from impasto.painter import Painter
from impasto.presets import get_recipe
from impasto.recipes import Recipe
from impasto.samples import PAIRS
from impasto.synthesis import (
    TexturePainter,
    figure_panels,
    parse_size,
    reconstruction,
)

LAYERS = {f"relu{block}_1": 0.25 for block in range(1, 5)}
SMALL = Recipe(
    style_loss="gaussian-ot", style_layers=LAYERS, steps=30, final_steps=20, tv_weight=0.01, size=96
)
PAIR = PAIRS["tuebingen-starry-night"]


def finish(painter: Painter) -> Tensor:
    for _ in painter:
        pass
    return painter.picture


def style_loss(painter: TexturePainter, image: Tensor) -> float:
    losses = painter.objective((image.shape[-2], image.shape[-1])).gradient(image)[0]
    return sum(value for name, value in losses.items() if name.startswith("style"))


def psnr(image: Tensor, other: Tensor) -> float:
    return -10 * math.log10(float((image - other).square().mean()))


# What is seen of a picture wrapped around


@pytest.mark.parametrize("size", [(32, 48), (32, 32)])
def test_a_circular_encoder_sees_one_tile_of_an_endless_plane(encoder, size):
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
    layers = ["conv1_1", "relu3_1", "pool4"]
    alone = CircularEncoder(encoder)(image, layers)
    # pool4 sees 15 px beyond its own place: less than one tile.
    repeated = encoder(image.repeat(1, 1, 5, 5), layers)
    for name in layers:
        height, width = alone[name].shape[-2:]
        middle = repeated[name][..., 2 * height : 3 * height, 2 * width : 3 * width]
        torch.testing.assert_close(alone[name], middle)


def test_a_circular_encoder_turns_with_the_picture(encoder):
    image = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    circular = CircularEncoder(encoder)
    features = circular(image, ["relu4_1"])["relu4_1"]
    rolled = circular(image.roll((16, 24), (-2, -1)), ["relu4_1"])["relu4_1"]
    torch.testing.assert_close(rolled, features.roll((2, 3), (-2, -1)))


def test_a_circular_encoder_shares_the_weights_and_stays_channels_last(encoder):
    circular = CircularEncoder(encoder)
    assert circular.convolutions is encoder.convolutions
    features = circular(torch.rand(1, 3, 32, 32), ["relu2_1"])["relu2_1"]
    assert features.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kind", VARIATIONS)
def test_circular_variation_counts_every_neighbour_once(kind):
    image = torch.rand(1, 3, 6, 7, generator=torch.Generator().manual_seed(0)).double()
    term = CircularVariation(2.0, kind)
    value = term({"image": image})["tv"]
    # Of k × k repeats, k² times the circular sum lies inside but for the border, which vanishes.
    many = total_variation(image.repeat(1, 1, 60, 60), kind)
    assert float(value) == pytest.approx(2 * float(many), rel=0.01)
    rolled = term({"image": image.roll((3, 2), (-2, -1))})["tv"]
    torch.testing.assert_close(rolled, value)
    with pytest.raises(OptionError, match="l1"):
        CircularVariation(1.0, "l7")


@pytest.mark.parametrize("size", [(32, 48), (33, 47)])
def test_circular_preconditioning_is_symmetric_and_turns_with_the_picture(size):
    random = torch.Generator().manual_seed(0)
    a, b = (torch.randn(1, 3, *size, generator=random) for _ in range(2))
    mapped = CircularPreconditioner(size, 0.5)
    assert float((mapped(a) * b).sum()) == pytest.approx(float((a * mapped(b)).sum()), rel=1e-3)
    torch.testing.assert_close(mapped(a.roll(9, -1)), mapped(a).roll(9, -1), rtol=1e-4, atol=1e-5)
    assert float(mapped(a).square().mean()) == pytest.approx(1, rel=0.1)
    assert mapped(a).is_contiguous()
    assert CircularPreconditioner(size, 0.0)(a) is a


def test_resizing_filters_across_the_borders():
    image = torch.rand(1, 3, 16, 32, generator=torch.Generator().manual_seed(0))
    larger = resize_circular(image, (32, 64))
    rolled = resize_circular(image.roll((8, 16), (-2, -1)), (32, 64))
    torch.testing.assert_close(rolled, larger.roll((16, 32), (-2, -1)))


# Textures


@pytest.mark.parametrize("tileable", [False, True])
def test_a_texture_has_the_style_and_the_size_asked_for(encoder, style, tileable):
    recipe = SMALL.replace(tv_weight=0.0)
    painter = TexturePainter([style], (64, 112), recipe, tileable=tileable, encoder=encoder)
    noise = torch.rand(1, 3, 64, 112, generator=torch.Generator().manual_seed(0))
    made = finish(painter)
    assert made.shape == (1, 3, 64, 112)
    assert style_loss(painter, made) < 0.05 * style_loss(painter, noise)


def test_a_tileable_texture_is_rounded_to_what_tiles(encoder, style):
    painter = TexturePainter([style], (70, 106), SMALL, tileable=True, encoder=encoder)
    assert painter.stages[-1].size == (72, 104)
    assert all(length % 8 == 0 for stage in painter.stages for length in stage.size)
    plain = TexturePainter([style], (70, 106), SMALL, encoder=encoder)
    assert plain.stages[-1].size == (70, 106)
    assert plain.fingerprint() != painter.fingerprint()


def seams(image: Tensor) -> tuple[float, float]:
    """Mean difference across the borders, over that of neighbours inside; down and right."""
    ratios = []
    for axis in (-2, -1):
        differences = (
            (image.roll(-1, axis) - image).abs().mean(dim=(0, 1, -2 if axis == -1 else -1))
        )
        ratios.append(float(differences[-1] / differences[:-1].mean()))
    return ratios[0], ratios[1]


@pytest.mark.parametrize("optimizer", OPTIMISERS)
def test_a_tileable_texture_has_no_seam(encoder, style, optimizer):
    recipe = SMALL.replace(optimizer=optimizer, tv_weight=0.5)

    def made(tileable: bool) -> Tensor:
        return finish(TexturePainter([style], (96, 96), recipe, tileable=tileable, encoder=encoder))

    tile = made(True)
    assert max(seams(tile)) < 1.35
    # The measure is one that sees seams: a texture that is not made to tile has them.
    assert max(seams(made(False))) > 1.7


@pytest.mark.parametrize("shift", [(48, 48), (8, 72)])
def test_the_loss_of_a_tileable_texture_has_no_border(encoder, style, shift):
    painter = TexturePainter([style], (96, 96), SMALL, tileable=True, encoder=encoder)
    image = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    objective = painter.objective((96, 96))
    losses, gradient = objective.gradient(image)
    rolled_losses, rolled_gradient = objective.gradient(image.roll(shift, (-2, -1)))
    assert rolled_losses == pytest.approx(losses, rel=1e-4)
    expected = gradient.roll(shift, (-2, -1))
    assert float((rolled_gradient - expected).norm() / expected.norm()) < 1e-3


def test_a_tileable_texture_can_be_interrupted_and_resumed(encoder, style):
    recipe = SMALL.replace(steps=4, final_steps=3)

    def painter() -> TexturePainter:
        return TexturePainter([style], (64, 96), recipe, tileable=True, encoder=encoder)

    first, second = painter(), painter()
    for number, _ in enumerate(first, 1):
        if number == 6:
            break
    second.load_state_dict(first.state_dict())
    assert torch.equal(finish(second), finish(painter()))


def test_a_texture_that_cannot_be(encoder, style):
    with pytest.raises(OptionError, match="16 px each way"):
        TexturePainter([style], (200, 12), SMALL, encoder=encoder)
    with pytest.raises(OptionError, match="cannot be 0"):
        TexturePainter([style], (64, 64), SMALL.replace(style_weight=0.0), encoder=encoder)
    recipe = SMALL.replace(style_layers={"relu9_1": 1.0})
    with pytest.raises(OptionError, match="relu1_1"):
        TexturePainter([style], (64, 64), recipe, encoder=encoder)

    def no_encoder(image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        return dict.fromkeys(layers, image)

    with pytest.raises(OptionError, match=r"impasto\.Encoder"):
        TexturePainter([style], (64, 64), SMALL, tileable=True, encoder=no_encoder)
    painter = TexturePainter([style], (96, 96), SMALL, tileable=True, encoder=encoder, memory=1.0)
    with pytest.raises(OptionError, match="--memory"):
        painter.objective((512, 512))


def test_what_belongs_to_a_content_has_no_part_in_a_texture(encoder, style):
    odd = SMALL.replace(content_weight=3.0, colour="luminance", strength=0.5, init="content")
    recipe = replace(odd, steps=3, final_steps=2)
    made = finish(TexturePainter([style], (64, 64), recipe, encoder=encoder))
    plain = replace(SMALL, steps=3, final_steps=2)
    assert torch.equal(made, finish(TexturePainter([style], (64, 64), plain, encoder=encoder)))


@pytest.mark.parametrize(
    ("given", "size"),
    [("1024x512", (512, 1024)), ("96", (96, 96)), ("40×30", (30, 40)), (" 8 X 9 ", (9, 8)),
     (64, (64, 64)), ((3, 2), (2, 3))],
)  # fmt: skip
def test_sizes(given, size):
    assert parse_size(given) == size


@pytest.mark.parametrize("given", ["big", "", "10x", "x10", "1x2x3", "-5", "0x9", "1.5x2", "9" * 9])
def test_texts_that_are_no_size(given):
    with pytest.raises(OptionError, match="--size"):
        parse_size(given)


# Reconstructions


def test_shallow_layers_know_more_of_a_picture_than_deep_ones(encoder, content):
    recipe = SMALL.replace(tv_weight=0.0, scales=1, steps=60)
    found = []
    for layer in ("conv1_1", "relu3_1", "relu5_1"):
        made = finish(reconstruction(content, recipe, {layer: 1.0}, encoder=encoder))
        found.append(psnr(made, content.tensor))
    assert found[0] > 25
    assert found == sorted(found, reverse=True)
    assert found[0] > found[2] + 10


def test_a_style_reconstruction_is_a_texture_of_the_pictures_size(encoder, content):
    painter = reconstruction(content, SMALL, None, {"relu1_1": 1.0}, encoder=encoder)
    assert isinstance(painter, TexturePainter)
    made = finish(painter)
    assert made.shape == content.tensor.shape
    assert psnr(made, content.tensor) < 20  # not what is where
    noise = torch.rand(made.shape, generator=torch.Generator().manual_seed(0))
    assert style_loss(painter, made) < 0.05 * style_loss(painter, noise)


@pytest.mark.parametrize("layers", [(None, None), ({"relu1_1": 1.0}, {"relu1_1": 1.0})])
def test_a_reconstruction_is_from_content_or_from_style(encoder, content, layers):
    with pytest.raises(OptionError, match="--figure"):
        reconstruction(content, SMALL, *layers, encoder=encoder)


def test_the_figure_goes_from_shallow_to_deep(encoder: Encoder, content: Picture):
    panels = figure_panels()
    assert [panel.row for panel in panels] == ["content"] * 5 + ["style"] * 5
    assert [panel.caption for panel in panels[:5]] == [f"conv{block}_1" for block in range(1, 6)]
    assert list(panels[2].layers) == ["relu3_1"]
    assert list(panels[7].layers) == ["relu1_1", "relu2_1", "relu3_1"]
    assert sum(panels[7].layers.values()) == pytest.approx(1)
    assert not isinstance(panels[2].painter(content, SMALL, encoder=encoder), TexturePainter)
    assert isinstance(panels[7].painter(content, SMALL, encoder=encoder), TexturePainter)


# The two functions and the two commands


QUICK = ["--smallest", "64", "--steps", "3", "--final-steps", "2"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for name, source in (("photo.png", PAIR.content_path), ("painting.png", PAIR.style_path)):
        images.write(folder / name, images.read(source, long_side=96).tensor)
    return folder


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_the_functions(pictures, tmp_path):
    quick = {"smallest": 64, "steps": 3, "final_steps": 2}
    made = impasto.texture(pictures / "painting.png", (96, 64), tileable=True, **quick)
    assert made.tensor.shape == (1, 3, 64, 96)
    assert made.recipe.seed == 0
    other = impasto.texture([pictures / "painting.png"], "96x64", tileable=True, seed=1, **quick)
    assert not torch.equal(made.tensor, other.tensor)
    again = impasto.reconstruct(pictures / "photo.png", "relu1_1", size=96, **quick)
    assert again.tensor.shape == (1, 3, 72, 96)
    layers = ["relu1_1", "relu2_1"]
    texture = impasto.reconstruct(pictures / "photo.png", style_layers=layers, size=96, **quick)
    assert texture.recipe.style_layers == {"relu1_1": 0.5, "relu2_1": 0.5}
    texture.save(tmp_path / "out.png")
    assert images.read_metadata(tmp_path / "out.png")["made as"] == "style reconstruction"


def texture(pictures, output, *options):
    words = ["texture", str(pictures / "painting.png"), "-o", str(output)]
    return run([*words, "--size", "96x64", *QUICK, *options])


def test_texture_command(pictures, tmp_path, capsys):
    output = tmp_path / "new" / "out.png"
    assert texture(pictures, output, "--seed", "5", "--json") == 0
    outcome = json.loads(capsys.readouterr().out)
    assert (outcome["width"], outcome["height"], outcome["finished"]) == (96, 64, True)
    made = images.read_metadata(output)
    assert "seed = 5" in made["recipe"]
    assert (made["made as"], made["canvas"]) == ("texture", "96x64")
    assert list(output.parent.iterdir()) == [output]


def test_texture_same_seed_same_pixels_and_rerun(pictures, tmp_path):
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        path = tmp_path / f"{name}.png"
        assert texture(pictures, path, "--seed", seed, "--quiet", "--tileable") == 0
    assert (pixels(tmp_path / "a.png") == pixels(tmp_path / "b.png")).all()
    assert (pixels(tmp_path / "a.png") != pixels(tmp_path / "c.png")).any()
    assert run(["rerun", str(tmp_path / "a.png"), "-o", str(tmp_path / "d.png"), "--quiet"]) == 0
    assert (pixels(tmp_path / "a.png") == pixels(tmp_path / "d.png")).all()


def test_texture_tells_that_it_rounded(pictures, tmp_path, capsys):
    assert texture(pictures, tmp_path / "out.png", "--size", "100x70", "--tileable") == 0
    assert "rounded to 96×64 px" in capsys.readouterr().err
    assert pixels(tmp_path / "out.png").shape == (64, 96, 3)


@pytest.mark.parametrize("options", [["--layer", "conv2_1"], ["--style-layers", "relu1_1,relu2_1"]])
def test_reconstruct_command_and_rerun(pictures, tmp_path, options):
    words = ["reconstruct", str(pictures / "photo.png"), "--size", "96", "--quiet", *QUICK]
    output, again = tmp_path / "out.png", tmp_path / "again.png"
    assert run([*words, "-o", str(output), *options]) == 0
    assert pixels(output).shape == (72, 96, 3)
    assert run(["rerun", str(output), "-o", str(again), "--quiet"]) == 0
    assert (pixels(output) == pixels(again)).all()


def test_figure_command(pictures, tmp_path, capsys):
    output = tmp_path / "sheet.png"
    words = ["reconstruct", str(pictures / "photo.png"), "--size", "64", "--figure"]
    assert run([*words, "-o", str(output), "--smallest", "64", "--steps", "2"]) == 0
    # Two rows of the picture itself and five reconstructions.
    with Image.open(output) as sheet:
        assert sheet.size[0] == 6 * (64 + 12) + 12
        assert sheet.size[1] == 2 * (48 + 22 + 12) + 12
    told = capsys.readouterr()
    assert "10/10 style to conv5_1" in told.err
    assert "sheet.png" in told.out
    assert images.read_metadata(output)["made as"] == "figure reconstruction"
    assert list(tmp_path.iterdir()) == [output]


WRONG = {
    "size": (["texture", "S", "-o", "O", "--size", "big"], "1024x512"),
    "narrow": (["texture", "S", "-o", "O", "--size", "512x16"], "32 px"),
    "tiny": (["texture", "S", "-o", "O", "--size", "8"], "--size"),
    "texture layer": (["texture", "S", "-o", "O", "--style-layers", "relu9_1"], "relu1_1"),
    "missing style": (["texture", "no.png", "-o", "O"], "no.png"),
    "extension": (["texture", "S", "-o", "out.xyz"], ".png"),
    "nothing asked": (["reconstruct", "C", "-o", "O"], "--layer"),
    "layer": (["reconstruct", "C", "-o", "O", "--layer", "conv9_9"], "conv4_2"),
    "style layer": (["reconstruct", "C", "-o", "O", "--style-layers", "x"], "relu1_1"),
    "small image": (["reconstruct", "T", "-o", "O", "--layer", "relu5_1"], "too small"),
    "figure log": (["reconstruct", "C", "-o", "O", "--figure", "--resume"], "--resume"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_gets_one_sentence(case, pictures, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (4, 4)).save(pictures / "tiny.png")
    words, named = WRONG[case]
    places = {"C": "photo.png", "S": "painting.png", "T": "tiny.png"}
    words = [str(pictures / places[w]) if w in places else w for w in words]
    words = ["out.png" if w == "O" else w for w in words]
    assert run(words) == 2
    told = capsys.readouterr().err.strip()
    assert named in told
    assert told.startswith("impasto: ")
    assert len(told.splitlines()) <= 3
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["texture", "figure"])
def test_ctrl_c_saves_what_there_is(kind, pictures, tmp_path):
    output = tmp_path / "out.png"
    words = {
        "texture": ["texture", str(pictures / "painting.png"), "--size", "128", "--tileable"],
        "figure": ["reconstruct", str(pictures / "photo.png"), "--figure"],
    }[kind]
    command = [sys.executable, "-m", "impasto", *words, "-o", str(output), "--steps", "4000"]
    begun = {"texture": "memory", "figure": "1/10"}[kind]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as it:
        assert it.stderr is not None
        while begun not in it.stderr.readline():
            assert it.poll() is None
        time.sleep(1.0)
        it.send_signal(signal.SIGINT)
        told, _ = it.communicate(timeout=60)
    assert it.returncode == 130
    assert "stopped" in told
    assert pixels(output).ndim == 3
    assert ("--resume" in told) == (tmp_path / "out.png.checkpoint").exists() == (kind == "texture")


def test_the_presets_are_for_noise():
    assert get_recipe("texture").init == get_recipe("reconstruction").init == "noise"
    assert get_recipe("texture").content_weight == 0


def test_wrapping_is_circular_padding():
    x = torch.rand(1, 2, 4, 5)
    assert torch.equal(padded(x, "circular"), F.pad(x, (1, 1, 1, 1), mode="circular"))

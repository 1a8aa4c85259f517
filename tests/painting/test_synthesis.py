"""Textures and reconstructions: from noise, with one term alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from helpers.quick_paintings import finish
from impasto.encoders.vgg import Encoder
from impasto.errors import OptionError
from impasto.images.picture import Picture
from impasto.optim.optimizers import OPTIMIZERS
from impasto.painting.reconstruction import figure_panels, reconstruction
from impasto.painting.texture import TexturePainter, parse_size
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import Recipe

LAYERS = {f"relu{block}_1": 0.25 for block in range(1, 5)}
SMALL = Recipe(
    style_loss="gaussian-ot", style_layers=LAYERS, steps=30, final_steps=20, tv_weight=0.01, size=96
)


def style_loss(painter: TexturePainter, image: Tensor) -> float:
    losses = painter.objective((image.shape[-2], image.shape[-1])).gradient(image)[0]
    return sum(value for name, value in losses.items() if name.startswith("style"))


def psnr(image: Tensor, other: Tensor) -> float:
    return -10 * math.log10(float((image - other).square().mean()))


def test_the_presets_are_for_noise():
    assert get_recipe("texture").init == get_recipe("reconstruction").init == "noise"
    assert get_recipe("texture").content_weight == 0


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


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
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
    with pytest.raises(OptionError, match="give style_weight above 0"):
        TexturePainter([style], (64, 64), SMALL.replace(style_weight=0.0), encoder=encoder)
    recipe = SMALL.replace(style_layers={"relu9_1": 1.0})
    with pytest.raises(OptionError, match="relu1_1"):
        TexturePainter([style], (64, 64), recipe, encoder=encoder)

    def no_encoder(image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        return dict.fromkeys(layers, image)

    with pytest.raises(OptionError, match=r"impasto\.Encoder"):
        TexturePainter([style], (64, 64), SMALL, tileable=True, encoder=no_encoder)
    painter = TexturePainter([style], (96, 96), SMALL, tileable=True, encoder=encoder, memory=1.0)
    with pytest.raises(OptionError, match="memory"):
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
    with pytest.raises(OptionError, match="size"):
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
    with pytest.raises(OptionError, match="figure"):
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

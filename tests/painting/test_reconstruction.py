"""Reconstructions of a picture from its content or its style."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from helpers.quick_paintings import finish
from impasto.encoders.vgg import Encoder
from impasto.errors import OptionError
from impasto.images.picture import Picture
from impasto.painting.reconstruction import figure_panels, reconstruction
from impasto.painting.texture import TexturePainter
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


def test_shallow_layers_reconstruct_more_than_deep_ones(encoder, content):
    recipe = SMALL.replace(tv_weight=0.0, scales=1, steps=60)
    qualities = []
    for layer in ("conv1_1", "relu3_1", "relu5_1"):
        image = finish(reconstruction(content, recipe, {layer: 1.0}, encoder=encoder))
        qualities.append(psnr(image, content.tensor))
    assert qualities[0] > 25
    assert qualities == sorted(qualities, reverse=True)
    assert qualities[0] > qualities[2] + 10


def test_style_reconstruction_is_a_texture(encoder, content):
    painter = reconstruction(content, SMALL, None, {"relu1_1": 1.0}, encoder=encoder)
    assert isinstance(painter, TexturePainter)
    image = finish(painter)
    assert image.shape == content.tensor.shape
    assert psnr(image, content.tensor) < 20  # positions are not reconstructed
    noise = torch.rand(image.shape, generator=torch.Generator().manual_seed(0))
    assert style_loss(painter, image) < 0.05 * style_loss(painter, noise)


@pytest.mark.parametrize("layers", [(None, None), ({"relu1_1": 1.0}, {"relu1_1": 1.0})])
def test_reconstruction_needs_content_or_style_layers(encoder, content, layers):
    with pytest.raises(OptionError, match="figure"):
        reconstruction(content, SMALL, *layers, encoder=encoder)


def test_figure_panels_are_shallow_to_deep(encoder: Encoder, content: Picture):
    panels = figure_panels()
    assert [panel.row for panel in panels] == ["content"] * 5 + ["style"] * 5
    assert [panel.caption for panel in panels[:5]] == [f"conv{block}_1" for block in range(1, 6)]
    assert list(panels[2].layers) == ["relu3_1"]
    assert list(panels[7].layers) == ["relu1_1", "relu2_1", "relu3_1"]
    assert sum(panels[7].layers.values()) == pytest.approx(1)
    assert not isinstance(panels[2].painter(content, SMALL, encoder=encoder), TexturePainter)
    assert isinstance(panels[7].painter(content, SMALL, encoder=encoder), TexturePainter)


def test_deep_layers_are_smoothed_and_shallow_ones_hardly(encoder, content):
    def weight(layer: str) -> float:
        return reconstruction(content, SMALL, {layer: 1.0}, encoder=encoder).recipe.tv_weight

    weights = [weight(f"relu{block}_1") for block in range(1, 6)]
    ratios = [after / before for before, after in itertools.pairwise(weights)]
    assert ratios == pytest.approx([4, 4, 4, 4])
    assert weights[1] < SMALL.tv_weight < weights[2]


def test_shallow_statistics_have_few_sizes(encoder, content):
    recipe = SMALL.replace(smallest=32, scale_ratio=1.2)
    counts = [
        len(panel.painter(content, recipe, encoder=encoder).stages) for panel in figure_panels()[5:]
    ]
    assert counts[:3] == [1, 2, 3]
    assert min(counts[3:]) > 3
    panel = figure_panels()[5]
    assert len(panel.painter(content, recipe.replace(scales=4), encoder=encoder).stages) == 4

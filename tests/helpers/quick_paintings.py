"""Two striped styles, and a recipe so small that a test paints with them in no time."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from impasto.encoders.vgg import Encoder
from impasto.images.picture import Picture
from impasto.losses.moments import gram_matrix
from impasto.painting.painter import Painter
from impasto.recipes.recipe import Recipe

SIZE = (64, 96)
"""That of the fixture ``content``."""

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")

FAST = Recipe(
    size=96,
    scales=2,
    scale_ratio=2**0.5,
    steps=15,
    final_steps=10,
    style_layers=dict.fromkeys(LAYERS, 0.25),
    content_layers={"relu4_1": 1.0},
    content_weight=0.01,
    tv_weight=0.0,
)

STYLE_LAYERS = {"relu1_1": 0.4, "relu2_1": 0.3, "relu3_1": 0.3}

SMALL = Recipe(
    style_loss="gaussian-ot",
    content_weight=0.1,
    size=96,
    scales=3,
    scale_ratio=2**0.5,
    steps=6,
    final_steps=3,
    style_layers=STYLE_LAYERS,
    content_layers={"relu4_1": 1.0},
    tv_weight=0.1,
)
"""Sizes 48, 68 and 96 with 6, 4 and 3 steps."""

Colour = tuple[float, float, float]


def stripes(
    size: tuple[int, int], period: int, upright: bool, dark: Colour, bright: Colour
) -> Picture:
    """A picture of sine stripes between two colours."""
    axis = torch.arange(size[1 if upright else 0]) * (2 * math.pi / period)
    wave = (axis.sin() + 1) / 2
    plane = wave.expand(size) if upright else wave[:, None].expand(size)
    ends = torch.tensor([dark, bright]).view(2, 3, 1, 1)
    return Picture(torch.lerp(ends[:1], ends[1:], plane))


WARM = stripes((72, 80), 6, upright=True, dark=(0.5, 0.1, 0.0), bright=(1.0, 0.8, 0.3))
COLD = stripes((80, 64), 10, upright=False, dark=(0.0, 0.1, 0.4), bright=(0.5, 0.8, 0.9))


def left(size: tuple[int, int] = SIZE) -> Tensor:
    """A mask of the left half."""
    mask = torch.zeros(1, 1, *size)
    mask[..., : size[1] // 2] = 1
    return mask


def finish(painter: Painter) -> Tensor:
    for _ in painter:
        pass
    assert painter.done
    return painter.picture


def gram_distances(
    encoder: Encoder, picture: Tensor, style: Tensor, maps: Mapping[str, Tensor] | None = None
) -> dict[str, float]:
    """Layer → the distance of Gram matrices, in units of the style's."""
    ours, theirs = encoder(picture, LAYERS), encoder(style, LAYERS)
    found = {}
    for layer in LAYERS:
        target = gram_matrix(theirs[layer], None)
        gram = gram_matrix(ours[layer], None if maps is None else maps[layer])
        found[layer] = float((gram - target).norm() / target.norm())
    return found

"""A picture reconstructed from the features or the statistics of some layers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from impasto.encoders.protocol import EncoderLike
from impasto.errors import OptionError, option
from impasto.images.picture import Picture
from impasto.painting.painter import Painter
from impasto.painting.texture import TexturePainter
from impasto.recipes.recipe import Recipe
from impasto.runtime.devices import DeviceLike

_USUAL_STRIDE = 2.5
"""Of the layers that the recipe's total variation is meant for."""

_ALL_SIZES = 8
"""Stride from which layers see enough for every size of the pyramid."""


def reconstruction(
    picture: Picture,
    recipe: Recipe,
    content_layers: Mapping[str, float] | None = None,
    style_layers: Mapping[str, float] | None = None,
    *,
    encoder: EncoderLike | None = None,
    memory: float | None = None,
    device: DeviceLike | None = None,
) -> Painter:
    """The painter that reconstructs a picture from its content or its style.

    The less a layer knows of each pixel, the more it is smoothed; and shallow layers, which see few
    pixels, are not asked for the large forms of small sizes.

    Args:
        picture: To reconstruct.
        recipe: All settings but the layers.
        content_layers: Layer → weight, for a reconstruction of the content.
        style_layers: Layer → weight, for one of the style.
        encoder: Used instead of the recipe's.
        memory: Bytes that the process may take.
        device: Where to paint; by default where the picture is.

    Raises:
        OptionError: For both kinds of layers or neither, or a layer that the encoder does not have.
    """
    # Nothing but the layers may tell of the picture's edges and forms.
    recipe = recipe.replace(
        paint_size=0, structure_weight=0.0, laplacian_weight=0.0, pattern_weight=0.0
    )
    if content_layers is not None and style_layers is None:
        recipe = recipe.replace(
            tv_weight=_smoothing(content_layers) * recipe.tv_weight,
            content_layers=content_layers, content_weight=1.0, style_weight=0.0,
            init="noise", strength=1.0, colour="style",
        )  # fmt: skip
        return Painter(picture, [picture], recipe, encoder=encoder, memory=memory, device=device)
    if style_layers is not None and content_layers is None:
        recipe = recipe.replace(
            scales=recipe.scales or _scales(style_layers),
            style_layers=style_layers, style_weight=1.0,
        )  # fmt: skip
        return TexturePainter(
            [picture], picture.size, recipe, encoder=encoder, memory=memory, device=device
        )
    raise OptionError(
        f"Choose what to reconstruct from: {option('layer')} such as relu4_2 for the content, "
        f"{option('style_layers')} such as relu1_1,relu2_1 for the style, or {option('figure')} "
        "for both at every depth."
    )


def _smoothing(layers: Mapping[str, float]) -> float:
    """Factor of the total variation: a layer's values for each pixel fall with its stride squared.

    Chosen by eye for figure 1 of Gatys et al. 2015: without, conv5_1 is coloured noise; with 4
    times as much its strokes are gone.
    """
    return _stride(layers) ** 2 / _USUAL_STRIDE**2


def _scales(layers: Mapping[str, float]) -> int:
    """Sizes of the pyramid: one, two and three for layers of blocks 1, 2 and 3; 0 (all) for others.

    At smaller sizes the filters of shallow layers paint a plaid, which nothing removes later.
    """
    return 0 if _stride(layers) >= _ALL_SIZES else 1 + int(math.log2(_stride(layers)))


def _stride(layers: Mapping[str, float]) -> int:
    """Pixels between positions of the deepest layer, by the papers' names; 1 for other names."""
    blocks = [re.match(r"(?:conv|relu|pool)(\d)", layer) for layer in layers]
    return int(2 ** max((int(found[1]) - 1 for found in blocks if found), default=0))


@dataclass(frozen=True)
class Panel:
    """One picture of the figure.

    Attributes:
        row: ``content`` or ``style``.
        caption: The paper's name of the layer, or of the deepest one.
        layers: Layer → weight.
    """

    row: str
    caption: str
    layers: Mapping[str, float]

    def painter(
        self,
        picture: Picture,
        recipe: Recipe,
        *,
        encoder: EncoderLike | None = None,
        memory: float | None = None,
        device: DeviceLike | None = None,
    ) -> Painter:
        """The painter that reconstructs it; arguments as for :func:`reconstruction`."""
        content, style = (self.layers if self.row == row else None for row in ("content", "style"))
        return reconstruction(
            picture, recipe, content, style, encoder=encoder, memory=memory, device=device
        )


def figure_panels(blocks: int = 5) -> list[Panel]:
    """The panels of figure 1 of Gatys et al. 2015: content, then style, from shallow to deep.

    The paper's conv1_1 is the rectified response, here ``relu1_1``.

    Args:
        blocks: Number of blocks of the encoder.
    """
    names = [f"{block}_1" for block in range(1, blocks + 1)]
    layers = [f"relu{name}" for name in names]
    content = [Panel("content", f"conv{name}", {f"relu{name}": 1.0}) for name in names]
    style = [
        Panel("style", f"to conv{name}", dict.fromkeys(layers[:depth], 1 / depth))
        for depth, name in enumerate(names, 1)
    ]
    return content + style

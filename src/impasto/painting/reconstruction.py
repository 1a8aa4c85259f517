"""A picture reconstructed from the features or the statistics of some layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from impasto.encoders.protocol import EncoderLike
from impasto.errors import OptionError, option
from impasto.images.picture import Picture
from impasto.painting.painter import Painter
from impasto.painting.texture import TexturePainter
from impasto.recipes.recipe import Recipe
from impasto.runtime.devices import DeviceLike


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
    recipe = recipe.replace(paint_size=0, structure_weight=0.0, laplacian_weight=0.0)
    if content_layers is not None and style_layers is None:
        recipe = recipe.replace(
            content_layers=content_layers, content_weight=1.0, style_weight=0.0,
            init="noise", strength=1.0, colour="style",
        )  # fmt: skip
        return Painter(picture, [picture], recipe, encoder=encoder, memory=memory, device=device)
    if style_layers is not None and content_layers is None:
        recipe = recipe.replace(style_layers=style_layers, style_weight=1.0)
        return TexturePainter(
            [picture], picture.size, recipe, encoder=encoder, memory=memory, device=device
        )
    raise OptionError(
        f"Choose what to reconstruct from: {option('layer')} such as relu4_2 for the content, "
        f"{option('style_layers')} such as relu1_1,relu2_1 for the style, or {option('figure')} "
        "for both at every depth."
    )


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

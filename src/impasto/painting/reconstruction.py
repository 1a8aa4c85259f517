"""Reconstructions of a picture from the features or statistics of some layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from impasto.errors import OptionError, option
from impasto.images.picture import Picture
from impasto.objective.terms import EncoderLike
from impasto.painting.painter import Painter
from impasto.painting.texture import TexturePainter
from impasto.recipes.recipe import Recipe


def reconstruction(
    picture: Picture,
    recipe: Recipe,
    content_layers: Mapping[str, float] | None = None,
    style_layers: Mapping[str, float] | None = None,
    *,
    encoder: EncoderLike | None = None,
    memory: float | None = None,
) -> Painter:
    """The painter of a reconstruction from either content or style.

    Args:
        picture: To be made again.
        recipe: How, but for the layers.
        content_layers: Layer → weight.
        style_layers: Layer → weight.
        encoder: Used instead of the recipe's.
        memory: Bytes that the process may take.

    Raises:
        OptionError: For both kinds of layers or none, or one that the encoder has not.
    """
    if content_layers is not None and style_layers is None:
        recipe = recipe.replace(
            content_layers=content_layers, content_weight=1.0, style_weight=0.0,
            init="noise", strength=1.0, colour="style",
        )  # fmt: skip
        return Painter(picture, [picture], recipe, encoder=encoder, memory=memory)
    if style_layers is not None and content_layers is None:
        recipe = recipe.replace(style_layers=style_layers, style_weight=1.0)
        return TexturePainter([picture], picture.size, recipe, encoder=encoder, memory=memory)
    raise OptionError(
        f"Name what to make the picture from: one of {option('layer')} relu4_2 (its content), "
        f"{option('style_layers')} relu1_1,relu2_1 (its style) and {option('figure')} (both, at every depth)."
    )


@dataclass(frozen=True)
class Panel:
    """One picture of the figure: a reconstruction still to be made.

    Attributes:
        row: ``content`` or ``style``.
        caption: The paper's name of the layer, or of the last of them.
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
    ) -> Painter:
        """Its painter."""
        of_content, of_style = (
            self.layers if self.row == row else None for row in ("content", "style")
        )
        return reconstruction(picture, recipe, of_content, of_style, encoder=encoder, memory=memory)


def figure_panels(blocks: int = 5) -> list[Panel]:
    """The panels of figure 1 of Gatys et al. 2015: content, then style, from shallow to deep.

    Where the paper writes conv1_1 it means the rectified response, our ``relu1_1``.

    Args:
        blocks: How many blocks the encoder has.
    """
    names = [f"{block}_1" for block in range(1, blocks + 1)]
    layers = [f"relu{name}" for name in names]
    content = [Panel("content", f"conv{name}", {f"relu{name}": 1.0}) for name in names]
    style = [
        Panel("style", f"to conv{name}", dict.fromkeys(layers[:depth], 1 / depth))
        for depth, name in enumerate(names, 1)
    ]
    return content + style

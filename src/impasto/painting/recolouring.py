"""A style picture in the colours that the recipe gives it."""

from __future__ import annotations

from torch import Tensor

from impasto.colour.modes import get_colour_mode
from impasto.colour.tones import give_lightness
from impasto.images.picture import Picture
from impasto.recipes.recipe import Recipe
from impasto.regions.masks import visible


def recoloured(
    style: Picture, content: Tensor, recipe: Recipe, mask: Tensor | None = None
) -> Picture:
    """The style picture as it is compared with the painting.

    Args:
        style: On the device of the content.
        content: The photograph, (1, 3, H, W) in [0, 1].
        recipe: Its entries colour, colour_space, colour_match and match_lightness are used.
        mask: The part of the photograph whose colours count, (1, 1, H, W) ≥ 0; all by default.
    """
    mode, space = get_colour_mode(recipe.colour), recipe.colour_space
    picture, _ = visible(style.tensor, style.alpha)
    matched = mode.style(picture, content, mask, space, recipe.colour_match)
    if recipe.colour == "match":
        matched = give_lightness(matched, picture, content, space, recipe.match_lightness, mask)
    return Picture(matched, style.alpha)

"""The picture that a painting starts from, if its recipe names a file or a one-pass model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from impasto import images
from impasto.images.picture import Picture, fit_size
from impasto.networks.catalogue import networks, open_network
from impasto.onepass.stylist import STYLE_SIDE, Stylist, mixture
from impasto.painting.objective_builder import Style
from impasto.painting.painter import InitialImage
from impasto.recipes.recipe import INITS, Recipe
from impasto.regions.masks import resize_masks
from impasto.regions.regions import Region


def open_initial_image(
    recipe: Recipe, *, max_pixels: int = images.MAX_PIXELS
) -> InitialImage | None:
    """What a painting starts from where its recipe names a picture or a one-pass model.

    Args:
        recipe: Its ``init`` is asked for.
        max_pixels: Refuse a larger picture.

    Returns:
        The picture, a function that paints it, or None for the recipe's own kinds of start.

    Raises:
        ImageError: For a picture that cannot be read.
    """
    if recipe.init in INITS:
        return None
    if recipe.init in networks():
        return partial(one_pass_image, recipe.init)
    return images.read(
        recipe.init, long_side=recipe.size, max_enlarge=float("inf"), max_pixels=max_pixels
    ).tensor


def one_pass_image(
    model: str, content: Tensor, styles: Sequence[Style], regions: Sequence[Region]
) -> Tensor:
    """Paint the content in one pass.

    Args:
        model: Name of a one-pass model for any style.
        content: (1, 3, H, W) in [0, 1].
        styles: Mixed by their shares; their levels are ignored.
        regions: Regions that cover the picture, each with its style; none for one style everywhere.
    """
    stylist = Stylist(open_network(model), device=content.device)

    def read(picture: Picture, mask: Tensor | None) -> Tensor:
        picture = picture.resized(fit_size(picture.size, STYLE_SIDE, max_enlarge=1.0))
        return stylist.read_style(picture.tensor, mask=mask)

    def common(mask: Tensor | None) -> Tensor:
        vectors = [read(style.picture, mask) for style in styles]
        return mixture(vectors, [style.share for style in styles])

    if not regions:
        return stylist.paint(content, stylist.spatial_style([common(None)], content))

    def of_region(region: Region) -> Tensor:
        if region.style is not None:
            return read(region.style, region.style_mask)
        if not styles:  # the photograph is kept
            return torch.zeros(stylist.model.network.style_size, device=content.device)
        return common(region.style_mask)

    vectors = [of_region(region) for region in regions]
    size = (content.shape[-2], content.shape[-1])
    masks = torch.cat([resize_masks(region.mask, size) for region in regions], 1)
    return stylist.paint(content, stylist.spatial_style(vectors, content, masks=masks))

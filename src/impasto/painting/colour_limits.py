"""The colours that a painting may have: no more colourful than its styles, region by region."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto import images
from impasto.colour.chroma_bound import ChromaBound, Samples, bound_of, sample
from impasto.images.picture import Picture, as_float, match_dtype
from impasto.losses.statistics import relative_shares
from impasto.painting.objective_builder import Style, style_side
from impasto.recipes.recipe import Recipe
from impasto.regions.masks import resize_masks, visible
from impasto.regions.regions import Region


@dataclass(frozen=True)
class ColourLimits:
    """A :class:`impasto.optim.constraints.Constraint`: pictures in [0, 1] of bounded chroma.

    Attributes:
        bounds: Of the whole picture, or of every region; None where all colours are allowed.
        masks: Of the regions, (1, R, H, W), of sum one at each pixel; None for the whole picture.
    """

    bounds: tuple[ChromaBound | None, ...]
    masks: Tensor | None = None

    def at(self, size: tuple[int, int]) -> ColourLimits:
        """The limits of the picture at a size (height, width)."""
        if self.masks is None:
            return self
        return ColourLimits(self.bounds, _partition(resize_masks(self.masks, size)))

    def fit(self, picture: Tensor) -> Tensor:
        """A picture to start from, (1, 3, H, W) in [0, 1]: see :meth:`ChromaBound.fit`."""
        image = as_float(picture)
        fitted = self._combined(image, lambda bound, mask: bound.fit(image, mask))
        return match_dtype(fitted, picture)

    def project(self, pixels: Tensor) -> Tensor:
        """Pixels clipped, and their chroma reduced to the bound."""
        picture = pixels.clamp(0, 1)
        return self._combined(picture, lambda bound, mask: bound.project(picture))

    def pull_back(
        self, pixels: Tensor, outside: Tensor, gradient: Tensor, penalty: float
    ) -> Tensor:
        """See :class:`impasto.optim.constraints.Constraint`."""
        picture, pull = pixels.clamp(0, 1), outside.mul_(penalty)
        slope = gradient.sub_(pull)
        slope = self._combined(slope, lambda bound, mask: bound.pull_back(picture, slope))
        return slope.masked_fill_(pixels != picture, 0).add_(pull)

    def _combined(
        self, unbounded: Tensor, bounded: Callable[[ChromaBound, Tensor | None], Tensor]
    ) -> Tensor:
        """What holds under the bound of each region, by the regions' masks."""
        if self.masks is None:
            return unbounded if self.bounds[0] is None else bounded(self.bounds[0], None)
        result = torch.zeros_like(unbounded)
        for index, bound in enumerate(self.bounds):
            mask = self.masks[:, index : index + 1]
            result += mask * (unbounded if bound is None else bounded(bound, mask))
        return result


def colour_limits(
    content: Picture, styles: Sequence[Style], regions: Sequence[Region], recipe: Recipe
) -> ColourLimits | None:
    """The limits of a painting; None if all colours are allowed.

    Args:
        content: The photograph, which counts if the recipe's strength is below 1.
        styles: With the colours that the recipe gives them; mixed by their shares.
        regions: Those that cover the picture, each with the bound of its style; none for the
            styles everywhere.
        recipe: Its entries gamut, style_weight, strength and style_scale are used.
    """
    if recipe.gamut != "style" or not recipe.style_weight or not recipe.strength:
        return None
    long_side = max(content.size)
    areas: Sequence[Region | None] = regions or [None]
    bounds: list[ChromaBound | None] = []
    for region in areas:
        if region is not None and region.keep:
            bounds.append(None)
            continue
        own = None if region is None else region.style
        chosen = list(styles) if own is None else [Style(own)]
        mask = None if region is None else region.style_mask
        samples = [_sample(style.picture, mask, long_side, recipe) for style in chosen]
        relative = relative_shares([style.share for style in chosen], len(chosen))
        shares = [recipe.strength * share for share in relative]
        if recipe.strength < 1:
            samples.append(sample(content.tensor, None if region is None else region.mask))
            shares.append(1 - recipe.strength)
        bound = bound_of(samples, shares).to(content.tensor.device)
        bounds.append(None if bound.is_open else bound)
    if not any(bounds):
        return None
    masks = _partition(torch.cat([region.mask for region in regions], 1)) if regions else None
    return ColourLimits(tuple(bounds), masks)


def _sample(style: Picture, mask: Tensor | None, long_side: int, recipe: Recipe) -> Samples:
    """Colours of a style picture at the size at which it is compared: finer noise is gone there."""
    side = style_side(style.info.size or style.size, long_side, recipe)
    size = images.fit_size(style.size, side, max_enlarge=1.0)
    picture = style.resized(size)
    if mask is not None:
        mask = resize_masks(mask, size)
    return sample(*visible(picture.tensor, picture.alpha, mask))


def _partition(masks: Tensor) -> Tensor:
    """Masks (1, R, H, W) scaled to a sum of one; where all are zero, each counts alike."""
    total = masks.sum(1, keepdim=True)
    return torch.where(total > 0, masks, 1) / torch.where(total > 0, total, masks.shape[1])

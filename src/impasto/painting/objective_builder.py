"""The objective of a painting at each size: loss terms with targets from the pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto import images
from impasto.encoders.protocol import FeatureExtractor
from impasto.errors import OptionError, counted_noun, option, unknown_name
from impasto.images.picture import Picture, resize
from impasto.losses.moments import Summary
from impasto.losses.statistics import get_statistic, mix
from impasto.objective.objective import Objective
from impasto.objective.terms import ContentTerm, SummaryTerm, Term
from impasto.objective.tiled import TiledObjective
from impasto.objective.tiles import (
    Tile,
    box_share,
    plan_tiles,
    tiled_features,
    tiled_summaries,
    whole_tile,
)
from impasto.painting import cost_model
from impasto.painting.pixel_terms import pixel_terms
from impasto.painting.pyramid import plan_stages
from impasto.recipes.choices import COARSE, FINE
from impasto.recipes.recipe import Recipe
from impasto.regions.masks import check_masks, layer_masks, resize_masks, visible
from impasto.regions.regions import Region
from impasto.runtime.device_memory import base_bytes, memory_budget, release_memory

CROPPED_FROM = 8
"""Regions beyond this number are each computed on the rectangle that they lie in."""

_FINE_STRIDE = 2
"""Layers with strides up to this see brushwork: blocks 1 and 2 of a VGG."""


@dataclass(frozen=True)
class Style:
    """A style picture and its role in the painting.

    Attributes:
        picture: The style picture.
        share: Weight among the styles.
        level: ``"coarse"`` or ``"fine"`` restricts the style to the deep or the shallow layers
            (scale control, Gatys et al. 2017, section 6); empty for all layers.
    """

    picture: Picture
    share: float = 1.0
    level: str = ""

    def __post_init__(self) -> None:
        if self.level not in ("", COARSE, FINE):
            raise unknown_name("level of a style", self.level, (COARSE, FINE))


def as_styles(
    pictures: Sequence[Picture | Style], shares: Sequence[float] | None = None
) -> list[Style]:
    """Combine pictures with their shares, equal by default; a ``Style`` is returned unchanged.

    Raises:
        OptionError: For a wrong number of shares.
    """
    if shares is not None and len(shares) != len(pictures):
        raise OptionError(
            f"{counted_noun(len(pictures), 'style', 'need')} as many weights, not {len(shares)}."
        )
    shares = [1.0] * len(pictures) if shares is None else shares
    return [
        picture if isinstance(picture, Style) else Style(picture, share)
        for picture, share in zip(pictures, shares, strict=True)
    ]


def style_side(own: tuple[int, int], long_side: int, recipe: Recipe) -> int:
    """Long side at which a style picture is compared, so that its strokes have their size.

    A picture is enlarged to the size of the painting if necessary, but for strokes larger than its
    own at most ``MAX_ENLARGE`` times: beyond it there is only blur to compare.

    Args:
        own: Height and width of the style picture.
        long_side: Of the painting.
        recipe: Its ``style_scale`` is used.
    """
    most = max(long_side, math.floor(images.MAX_ENLARGE * max(own)))
    return max(1, min(most, round(long_side * recipe.style_scale)))


class ObjectiveBuilder:
    """Builds the objective of a painting at any size, in tiles if memory requires it.

    Args:
        content: The photograph.
        styles: The style pictures.
        recipe: Layers, weights and statistics.
        encoder: Computes the features.
        regions: Parts of the photograph with styles of their own; by default, all styles apply to
            the whole picture.
        minimum_side: Smallest side of a style picture in pixels, given by the deepest layer.
        budget: Bytes that may be used of the memory of the content's device; two thirds of what is
            free by default.
    """

    def __init__(
        self,
        content: Picture,
        styles: Sequence[Style],
        recipe: Recipe,
        encoder: FeatureExtractor,
        *,
        regions: Sequence[Region] = (),
        minimum_side: int = 2,
        budget: float | None = None,
    ) -> None:
        self._content, self._styles, self._regions = content, list(styles), list(regions)
        self._recipe, self._encoder = recipe, encoder
        self._minimum_side = minimum_side
        self._device = content.tensor.device
        self._budget = memory_budget(self._device) if budget is None else budget
        self._memory = self._plan_memory()
        self._largest_side = cost_model.TILE_SIDES[0]
        if regions and not encoder.has_geometry:
            raise OptionError(
                "Regions need an encoder whose strides are known: give an impasto.Encoder."
            )
        self._check_regions()
        self._check_levels()
        if budget is not None:
            self._memory.check(budget)

    def objective(self, size: tuple[int, int]) -> Objective | TiledObjective:
        """The objective at a size (height, width) of the pyramid."""
        recipe = self._recipe
        terms: list[Term] = []
        if self.content_layers:
            terms.append(
                ContentTerm(
                    self._content_features(size),
                    weight=recipe.content_weight,
                    layer_weights=self.content_layers,
                    normalization=recipe.content_normalization,
                )
            )
        if self.style_layers:
            terms += self._style_terms(size)
        terms += pixel_terms(resize(self._content.tensor, size), recipe)
        objective = Objective(terms, self._encoder)
        tiles = self._tiles(size)
        if len(tiles) == 1:
            return objective
        return TiledObjective(objective, self._encoder, tiles)

    @property
    def style_layers(self) -> dict[str, float]:
        """Layer → weight; empty if the style weight is 0."""
        return dict(self._recipe.style_layers) if self._recipe.style_weight else {}

    @property
    def content_layers(self) -> dict[str, float]:
        """Layer → weight; empty if the content weight is 0."""
        return dict(self._recipe.content_layers) if self._recipe.content_weight else {}

    @property
    def painted_regions(self) -> int:
        """Number of regions with a style; 0 if the picture is not divided."""
        return sum(not region.keep for region in self._regions)

    def side(self, size: tuple[int, int]) -> int | None:
        """The side of the tiles at a size; None if the picture is not tiled."""
        if not self._encoder.has_geometry:
            return None
        side = self._memory.side(size, self._budget)
        if side is None and max(size) <= self._largest_side:
            return None
        return min(side or self._largest_side, self._largest_side)

    def tiling(self) -> tuple[float, int]:
        """What all tiles are planned from."""
        return self._budget, self._largest_side

    def limit_tiling(self, budget: float, largest_side: int) -> None:
        """Use the tiles of an earlier run, if there is memory: sums are rounded as they were."""
        self._budget = min(self._budget, budget)
        self._largest_side = min(self._largest_side, largest_side)

    def peak_bytes(self, size: tuple[int, int]) -> float:
        """Peak bytes of the process while it paints at a size."""
        return self._memory.peak(size, self.side(size), self._budget)

    def longest_side(self) -> int:
        """Long side of the largest picture of this shape for which the memory is enough."""
        return self._memory.longest_side(self._budget)

    def _plan_memory(self) -> cost_model.PaintingMemory:
        content, recipe, encoder = self._content, self._recipe, self._encoder
        pictures = [content, *(style.picture for style in self._styles)]
        pictures += [region.style for region in self._regions if region.style is not None]
        tensors = [tensor for picture in pictures for tensor in (picture.tensor, picture.alpha)]
        tensors += [mask for region in self._regions for mask in (region.mask, region.style_mask)]
        held = cost_model.held_bytes(tensors) + cost_model.encoder_bytes(encoder)
        if recipe.colour != Recipe.colour:  # the photograph as it was given
            held += content.tensor.nbytes
        statistic = get_statistic(recipe.style_loss)
        sizes = [self._style_size(style, max(content.size)) for style in pictures[1:]]
        return cost_model.PaintingMemory(
            encoder,
            recipe.layers,
            recipe.optimizer,
            content.size,
            base_bytes(self._device),
            held,
            max((float(height * width) for height, width in sizes), default=0.0),
            cost_model.statistic_bytes(
                recipe.style_loss, encoder, self.style_layers, self._region_areas()
            ),
            can_tile=encoder.has_geometry and (statistic.is_mean or not self.style_layers),
            steps=plan_stages(recipe, content.size, minimum_side=self._minimum_side)[-1].steps,
        )

    def _region_areas(self) -> float:
        """Sum of the shares of the picture that are computed for the regions."""
        painted = [region.mask for region in self._regions if not region.keep]
        if len(painted) <= CROPPED_FROM:
            return float(len(painted))
        return sum(map(box_share, painted))

    def shrink(self, size: tuple[int, int]) -> int | None:
        """Use smaller tiles after running out of memory at a size.

        Returns:
            The new side; None if the tiles cannot be smaller.
        """
        side = self.side(size) or max(size)
        smaller = [other for other in cost_model.TILE_SIDES if other < side]
        if not smaller or not self._encoder.has_geometry:
            return None
        self._largest_side = smaller[0]
        release_memory(self._device)
        return self._largest_side

    def _tiles(self, size: tuple[int, int]) -> list[Tile]:
        """The tiles of a picture of that size; a single one if it is not tiled."""
        side = self.side(size)
        layers = self._recipe.layers
        if side is None or not layers:
            return [whole_tile(size)]
        stride = max(self._encoder.stride(layer) for layer in layers)
        return plan_tiles(size, side, stride=stride, halo=self._encoder.halo(layers))

    @torch.no_grad()
    def _content_features(self, size: tuple[int, int]) -> Mapping[str, Tensor]:
        image = resize(self._content.tensor, size)
        layers = tuple(self.content_layers)
        if not self._encoder.has_geometry:
            return self._encoder(image, layers)
        return tiled_features(self._encoder, image, layers, self._tiles(size))

    def _style_terms(self, size: tuple[int, int]) -> list[Term]:
        """One for the whole picture, or one for each region that is painted."""
        weight = self._recipe.style_weight
        if not self._regions:
            return [self._style_term("style", weight, self._target(size, None, None), None)]
        painted = [region for region in self._regions if not region.keep]
        terms: list[Term] = []
        for region in painted:
            maps = self._maps(region.mask, size)
            target = self._target(size, region, maps)
            # Every region has the same weight, large or small (Gatys et al. 2017, equation 5).
            share = weight / len(painted)
            terms.append(self._style_term(f"style.{region.name}", share, target, maps))
        return terms

    def _style_term(
        self,
        name: str,
        weight: float,
        target: Mapping[str, Summary],
        maps: Mapping[str, Tensor] | None,
    ) -> SummaryTerm:
        return SummaryTerm(
            target,
            statistic=self._recipe.style_loss,
            weight=weight,
            layer_weights=self.style_layers,
            normalization=self._recipe.normalization,
            maps=maps,
            readouts=self._encoder.linear_readouts(),
            crop=self.painted_regions > CROPPED_FROM,
            name=name,
        )

    def _maps(self, mask: Tensor, size: tuple[int, int]) -> dict[str, Tensor]:
        """Layer → weight map of a mask at a size of the picture."""
        masks = resize_masks(mask, size)
        return layer_masks(masks, self._encoder, self.style_layers, self._recipe.mask_mode)

    def _target(
        self, size: tuple[int, int], region: Region | None, maps: Mapping[str, Tensor] | None
    ) -> dict[str, Summary]:
        """Layer → target summary: a mixture of the styles; below strength 1, also of the content.

        Summaries are means, so the mean of two summaries is halfway between two styles, or between
        photograph and style.
        """
        styles, mask = self._styles, None
        if region is not None:
            styles = styles if region.style is None else [Style(region.style)]
            mask = region.style_mask
        summaries = [self._style_summaries(style.picture, max(size), mask) for style in styles]
        strength = self._recipe.strength
        content = None
        if strength < 1:
            content = self._summaries(resize(self._content.tensor, size), maps)
        target = {}
        for layer in self.style_layers:
            parts = [
                (summary[layer], style.share)
                for style, summary in zip(styles, summaries, strict=True)
                if style.level in ("", self._level(layer))
            ]
            mixed = mix([summary for summary, _ in parts], [share for _, share in parts])
            target[layer] = (
                mixed if content is None else mix([content[layer], mixed], [1 - strength, strength])
            )
        return target

    def _level(self, layer: str) -> str:
        return FINE if self._encoder.stride(layer) <= _FINE_STRIDE else COARSE

    def _style_summaries(
        self, style: Picture, long_side: int, mask: Tensor | None
    ) -> dict[str, Summary]:
        """Of a style picture, resized so that its strokes have the recipe's ``style_scale``."""
        size = self._style_size(style, long_side)
        picture = style.tensor
        if self._encoder.has_geometry:
            picture, mask = visible(style.tensor, style.alpha, mask)
        image = resize(picture, size)
        maps = None if mask is None else self._maps(mask, (image.shape[-2], image.shape[-1]))
        return self._summaries(image, maps)

    def _style_size(self, style: Picture, long_side: int) -> tuple[int, int]:
        """Height and width at which a style picture is compared with a picture."""
        # A small or narrow style picture keeps at least what the deepest layer needs.
        minimum = math.ceil(self._minimum_side * max(style.size) / min(style.size))
        target = max(minimum, style_side(style.info.size or style.size, long_side, self._recipe))
        return images.fit_size(style.size, target)

    def _summaries(self, image: Tensor, maps: Mapping[str, Tensor] | None) -> dict[str, Summary]:
        statistic, layers = get_statistic(self._recipe.style_loss), tuple(self.style_layers)
        size = (image.shape[-2], image.shape[-1])
        tiles = self._tiles(size) if statistic.is_mean else [whole_tile(size)]
        return tiled_summaries(self._encoder, image, layers, statistic, tiles, maps)

    def _check_regions(self) -> None:
        for region in self._regions:
            if region.style_mask is None:
                continue
            if region.style is None and len(self._styles) != 1:
                raise OptionError(
                    f"The region {region.name} has a mask of the style picture, but there are "
                    f"{len(self._styles)} styles: give the region a style picture of its own."
                )
            check_masks(region.style_mask, (region.style or self._styles[0].picture).size)

    def _check_levels(self) -> None:
        if not any(style.level for style in self._styles) or not self.style_layers:
            return
        if not self._encoder.has_geometry:
            raise OptionError(
                "Levels of styles need an encoder whose strides are known: give an impasto.Encoder."
            )
        levels = {self._level(layer) for layer in self.style_layers}
        for level in sorted(levels):
            if all(style.level not in ("", level) for style in self._styles):
                raise OptionError(
                    f"No style is given for the {level} level: give both, "
                    "coarse=a.jpg and fine=b.jpg, or one style without a level."
                )
        for style in self._styles:
            if style.level and style.level not in levels:
                raise OptionError(
                    f"A style is given for the {style.level} level, but none of "
                    f"{option('style_layers')} ({', '.join(self.style_layers)}) is {style.level}."
                )

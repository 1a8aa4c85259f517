"""What a painting strives for at each size: targets from the pictures, in tiles if need be."""

from __future__ import annotations

import gc
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto import images
from impasto.encoders.vgg import Encoder
from impasto.errors import OptionError, option, unknown_name
from impasto.images.picture import Picture, resize
from impasto.losses.moments import Summary
from impasto.losses.statistics import get_statistic, mix
from impasto.objective.objective import Objective
from impasto.objective.readouts import readouts_of
from impasto.objective.terms import (
    ContentTerm,
    EncoderLike,
    LaplacianTerm,
    SummaryTerm,
    Term,
    TotalVariation,
)
from impasto.objective.tiled import TiledObjective
from impasto.objective.tiles import (
    Tile,
    halo_of,
    plan_tiles,
    tiled_features,
    tiled_summaries,
    whole,
)
from impasto.painting import cost_model
from impasto.recipes.recipe import Recipe
from impasto.regions.masks import check_masks, layer_masks, resize_masks, visible
from impasto.regions.regions import Region
from impasto.runtime import memory

COARSE, FINE = "coarse", "fine"
"""Levels that a style may be restricted to: its large forms, or its brushwork."""

_FINE_STRIDE = 2
"""Layers whose units lie at most so many pixels apart see brushwork: blocks 1 and 2 of a VGG."""


@dataclass(frozen=True)
class Style:
    """A style picture and its part in the painting.

    Attributes:
        picture: To paint in the manner of.
        share: Weight among the styles.
        level: ``"coarse"`` or ``"fine"`` for a style of the deep or the shallow layers alone
            (scale control, Gatys et al. 2017, section 6); empty for all.
    """

    picture: Picture
    share: float = 1.0
    level: str = ""

    def __post_init__(self) -> None:
        if self.level not in ("", COARSE, FINE):
            raise unknown_name("level of a style", self.level, (COARSE, FINE))


def as_styles(
    pictures: Sequence[Picture | Style],
    shares: Sequence[float] | None = None,
    levels: Sequence[str] | None = None,
) -> list[Style]:
    """Pictures with their shares and levels, one of each a picture; styles as they are.

    Raises:
        OptionError: For another number of shares or levels, or a level that there is not.
    """
    for what, given in (("weights", shares), ("levels", levels)):
        if given is not None and len(given) != len(pictures):
            raise OptionError(f"{len(pictures)} styles need as many {what}, not {len(given)}.")
    shares = [1.0] * len(pictures) if shares is None else shares
    levels = [""] * len(pictures) if levels is None else levels
    return [
        picture if isinstance(picture, Style) else Style(picture, share, level)
        for picture, share, level in zip(pictures, shares, levels, strict=True)
    ]


class ObjectiveBuilder:
    """The objective of a painting at any size of its pyramid.

    Args:
        content: The picture to be painted.
        styles: To paint in the manner of.
        recipe: How.
        encoder: Gives the features.
        regions: Which part of the picture is painted after what; the whole after all styles if none.
        least_side: Of a style picture: what the encoder's deepest layer needs.
        budget: Bytes that the process may take; tiles keep it there.
    """

    def __init__(
        self,
        content: Picture,
        styles: Sequence[Style],
        recipe: Recipe,
        encoder: EncoderLike,
        *,
        regions: Sequence[Region] = (),
        least_side: int = 2,
        budget: float | None = None,
    ) -> None:
        self._content, self._styles, self._areas = content, list(styles), list(regions)
        self._recipe, self._encoder = recipe, encoder
        self._least_side = least_side
        pixels = content.size[0] * content.size[1]
        held = memory.BASE_BYTES + cost_model.picture_bytes(recipe.optimizer, pixels)
        self._maps_budget = (memory.free_memory() if budget is None else budget) - held
        self._largest = cost_model.SIDES[0]
        if regions and not isinstance(encoder, Encoder):
            raise OptionError("Areas need an impasto.Encoder: its geometry carries the masks.")
        self._check_areas()
        self._check_levels()

    def _check_areas(self) -> None:
        for area in self._areas:
            if area.style_where is None:
                continue
            if area.style is None and len(self._styles) != 1:
                raise OptionError(
                    f"The area {area.name} has a part of the style picture, but there are "
                    f"{len(self._styles)} styles: give the area a style picture of its own."
                )
            check_masks(area.style_where, (area.style or self._styles[0].picture).size)

    def _check_levels(self) -> None:
        if not any(style.level for style in self._styles) or not self.style_layers:
            return
        if not isinstance(self._encoder, Encoder):
            raise OptionError("Levels need an impasto.Encoder: its layers are coarse or fine.")
        looked_at = {self._level(layer) for layer in self.style_layers}
        for level in sorted(looked_at):
            if all(style.level not in ("", level) for style in self._styles):
                raise OptionError(
                    f"No style is given for the {level} level: give both, "
                    "coarse=a.jpg and fine=b.jpg, or one style without a level."
                )
        for style in self._styles:
            if style.level and style.level not in looked_at:
                raise OptionError(
                    f"A style is given for the {style.level} level, but none of {option('style_layers')} "
                    f"({', '.join(self.style_layers)}) is {style.level}."
                )

    @property
    def style_layers(self) -> dict[str, float]:
        """Layer → weight; none if style is not wished."""
        return dict(self._recipe.style_layers) if self._recipe.style_weight else {}

    @property
    def content_layers(self) -> dict[str, float]:
        """Layer → weight; none if content is not wished."""
        return dict(self._recipe.content_layers) if self._recipe.content_weight else {}

    def side(self, size: tuple[int, int]) -> int | None:
        """The side of the tiles at a size; None where the picture is not cut."""
        if not isinstance(self._encoder, Encoder):
            return None
        side = cost_model.tile_side(self._encoder, self._recipe.layers, size, self._maps_budget)
        if side is None and max(size) <= self._largest:
            return None
        return min(side or self._largest, self._largest)

    def shrink(self, size: tuple[int, int]) -> int | None:
        """Make the tiles at a size smaller, after there was not enough memory; None at the end."""
        now = self.side(size) or max(size)
        smaller = [side for side in cost_model.SIDES if side < now]
        if not smaller or not isinstance(self._encoder, Encoder):
            return None
        self._largest = smaller[0]
        gc.collect()
        return self._largest

    def objective(self, size: tuple[int, int]) -> Objective | TiledObjective:
        """The objective at a size (height, width) of the pyramid."""
        recipe = self._recipe
        terms: list[Term] = []
        if self.content_layers:
            terms.append(
                ContentTerm(
                    self._features(resize(self._content.tensor, size)),
                    weight=recipe.content_weight,
                    layer_weights=self.content_layers,
                    normalization=recipe.content_normalization,
                )
            )
        if self.style_layers:
            terms += self._style_terms(size)
        if recipe.laplacian_weight:
            lines = resize(self._content.tensor, size)
            terms.append(LaplacianTerm(lines, recipe.laplacian_weight))
        if recipe.tv_weight:
            # A photograph that is hardly to be painted is hardly to be smoothed.
            terms.append(TotalVariation(recipe.tv_weight * recipe.strength, kind=recipe.tv))
        objective = Objective(terms, self._encoder)
        tiles = self._tiles(size)
        if len(tiles) == 1:
            return objective
        assert isinstance(self._encoder, Encoder)
        return TiledObjective(objective, self._encoder, tiles)

    def _tiles(self, size: tuple[int, int]) -> list[Tile]:
        """The tiles of a picture of that size; one where it fits whole."""
        side = self.side(size)
        layers = self._recipe.layers
        if side is None or not isinstance(self._encoder, Encoder) or not layers:
            return [whole(size)]
        stride = max(self._encoder.stride(layer) for layer in layers)
        return plan_tiles(size, side, stride=stride, halo=halo_of(layers, self._encoder))

    @torch.no_grad()
    def _features(self, image: Tensor) -> Mapping[str, Tensor]:
        layers = tuple(self.content_layers)
        if not isinstance(self._encoder, Encoder):
            return self._encoder(image, layers)
        tiles = self._tiles((image.shape[-2], image.shape[-1]))
        return tiled_features(self._encoder, image, layers, tiles)

    def _style_terms(self, size: tuple[int, int]) -> list[Term]:
        """One for the whole picture, or one for each area that is painted."""
        recipe = self._recipe
        painted = [area for area in self._areas if not area.keep]
        if not self._areas:
            target = self._target(size, None, None)
            return [self._style_term(target, "style", recipe.style_weight, None)]
        terms: list[Term] = []
        for area in painted:
            maps = self._maps(area.where, size)
            target = self._target(size, area, maps)
            # Every area counts the same, large or small (Gatys et al. 2017, equation 5).
            weight = recipe.style_weight / len(painted)
            terms.append(self._style_term(target, f"style.{area.name}", weight, maps))
        return terms

    def _style_term(
        self,
        target: Mapping[str, Summary],
        name: str,
        weight: float,
        maps: Mapping[str, Tensor] | None,
    ) -> SummaryTerm:
        return SummaryTerm(
            target,
            statistic=self._recipe.style_loss,
            weight=weight,
            layer_weights=self.style_layers,
            normalization=self._recipe.normalization,
            maps=maps,
            readouts=readouts_of(self._encoder),
            name=name,
        )

    def _maps(self, where: Tensor, size: tuple[int, int]) -> dict[str, Tensor]:
        assert isinstance(self._encoder, Encoder)
        masks = resize_masks(where, size)
        return layer_masks(masks, self._encoder, self.style_layers, self._recipe.mask_mode)

    def _target(
        self, size: tuple[int, int], area: Region | None, maps: Mapping[str, Tensor] | None
    ) -> dict[str, Summary]:
        """The summaries to strive for: the styles' mixture, and the content's own below strength 1.

        Means are linear: halfway between two styles, or between photograph and style, is the mean
        of their summaries.
        """
        styles, where = self._styles, None
        if area is not None:
            styles = styles if area.style is None else [Style(area.style)]
            where = area.style_where
        found = [self._summaries(style.picture, max(size), where) for style in styles]
        strength = self._recipe.strength
        own = None
        if strength < 1:
            own = self._summaries_of(resize(self._content.tensor, size), maps)
        target = {}
        for layer in self.style_layers:
            parts = [
                (summary[layer], style.share)
                for style, summary in zip(styles, found, strict=True)
                if style.level in ("", self._level(layer))
            ]
            mixed = mix([part for part, _ in parts], [share for _, share in parts])
            target[layer] = (
                mixed if own is None else mix([own[layer], mixed], [1 - strength, strength])
            )
        return target

    def _level(self, layer: str) -> str:
        if not isinstance(self._encoder, Encoder):
            return ""
        return FINE if self._encoder.stride(layer) <= _FINE_STRIDE else COARSE

    def _summaries(
        self, style: Picture, long_side: int, where: Tensor | None
    ) -> dict[str, Summary]:
        """Of a style picture whose strokes have the size that the recipe asks for."""
        # A small or narrow style picture is not reduced below what the deepest layer can see.
        least = math.ceil(self._least_side * max(style.size) / min(style.size))
        target = max(least, round(long_side * self._recipe.style_scale))
        seen = style.tensor
        if isinstance(self._encoder, Encoder):
            seen, where = visible(style.tensor, style.alpha, where)
        image = resize(seen, images.fit_size(style.size, target))
        maps = None if where is None else self._maps(where, (image.shape[-2], image.shape[-1]))
        return self._summaries_of(image, maps)

    @torch.no_grad()
    def _summaries_of(self, image: Tensor, maps: Mapping[str, Tensor] | None) -> dict[str, Summary]:
        statistic, layers = get_statistic(self._recipe.style_loss), tuple(self.style_layers)
        if not isinstance(self._encoder, Encoder):
            features = self._encoder(image, layers)
            return {name: statistic.summary(features[name], None) for name in layers}
        size = (image.shape[-2], image.shape[-1])
        tiles = self._tiles(size) if statistic.is_mean else [whole(size)]
        return tiled_summaries(self._encoder, image, layers, statistic, tiles, maps)

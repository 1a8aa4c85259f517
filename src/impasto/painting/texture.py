"""Texture synthesis: a picture optimized from noise with the style term alone.

Gatys, Ecker & Bethge 2015, "Texture Synthesis Using Convolutional Neural Networks",
arXiv:1505.07376. A texture is painted like any other picture, with a recipe, coarse to fine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from impasto import images
from impasto.encoders.protocol import EncoderLike, FeatureExtractor
from impasto.errors import OptionError, option
from impasto.images.picture import Picture, PictureLike
from impasto.objective.objective import Objective
from impasto.objective.terms import CircularVariation, TotalVariation
from impasto.objective.tiled import TiledObjective
from impasto.optim.circular_preconditioner import CircularPreconditioner
from impasto.painting import cost_model
from impasto.painting.inputs import styles_of
from impasto.painting.objective_builder import Style
from impasto.painting.painter import Painter
from impasto.painting.pyramid import Stage, plan_stages
from impasto.recipes.recipe import Recipe
from impasto.runtime.devices import DeviceLike


class TexturePainter(Painter):
    """Paints a texture: a painting without content.

    Args:
        styles: One or more pictures of the texture.
        size: Height and width of the result.
        recipe: Its entries on content are not used.
        tileable: Whether opposite borders must match. The sides are then rounded to multiples of
            the deepest layer's stride.
        shares: Weights of the styles in the mixture; equal by default.
        encoder: Used instead of the recipe's.
        memory: Bytes that the process may use.
        device: Where to paint; by default where the first style is.

    Raises:
        ImpastoError: For a recipe that does not fit the encoder, or a size that is too small.
    """

    def __init__(
        self,
        styles: PictureLike | Style | Sequence[PictureLike | Style],
        size: tuple[int, int],
        recipe: Recipe,
        *,
        tileable: bool = False,
        shares: Sequence[float] | None = None,
        encoder: EncoderLike | None = None,
        memory: float | None = None,
        device: DeviceLike | None = None,
    ) -> None:
        if not recipe.style_weight:
            raise OptionError(
                f"A texture has no other term than style: give {option('style_weight')} above 0."
            )
        if memory is not None:
            cost_model.check_canvas(size, recipe.optimizer, memory)
        styles = styles_of(styles, shares)
        recipe = recipe.replace(
            content_weight=0.0,
            init="noise",
            strength=1.0,
            colour="style",
            size=max(size),
            paint_size=0,
            laplacian_weight=0.0,  # there is no photograph with edges or even places
            pattern_weight=0.0,
        )
        super().__init__(
            styles=styles, content=_blank(size), recipe=recipe,
            encoder=encoder, memory=memory, device=device or styles[0].picture.tensor.device,
        )  # fmt: skip
        minimum = self.encoder.minimum_side(recipe.style_layers)
        if min(size) < minimum:
            raise OptionError(
                f"A texture of {size[1]}×{size[0]} px is too small for its layers: "
                f"{option('size')} needs at least {minimum} px each way."
            )
        self._circular = self.encoder.circular() if tileable else None
        if tileable:
            self._preconditioner = CircularPreconditioner
            self.stages = _round_stages(recipe, size, self.encoder)

    def objective(self, size: tuple[int, int]) -> Objective | TiledObjective:
        """The objective at a size (height, width) of the pyramid."""
        if self._circular is None:
            return super().objective(size)
        if self.objective_builder.side(size) is not None:
            raise OptionError(
                f"A tileable texture cannot be painted in tiles, and {size[1]}×{size[0]} px do not "
                f"fit into memory: give a smaller {option('size')} or more {option('memory')}."
            )
        # Targets come from the style pictures, which have borders; the texture wraps around.
        plain = self.objective_builder.objective(size)
        assert isinstance(plain, Objective)  # not tiled, as checked above
        terms = [
            CircularVariation(self.recipe.tv_weight, self.recipe.tv)
            if isinstance(term, TotalVariation)
            else term
            for term in plain.terms
        ]
        return Objective(terms, self._circular)

    def fingerprint(self) -> str:
        """A digest of pictures, recipe, encoder and ``tileable``."""
        return super().fingerprint() + (" tileable" if self._circular else "")

    def _enlarged(self, image: Tensor, stage: Stage) -> Tensor:
        if self._circular is None:
            return super()._enlarged(image, stage)
        return resize_circular(image, stage.size).clamp_(0, 1)


def parse_size(size: int | tuple[int, int] | str) -> tuple[int, int]:
    """Height and width from ``"1024x512"`` (width first), ``"512"``, 512 or (1024, 512).

    Raises:
        OptionError: For anything else.
    """
    if isinstance(size, str):
        match = re.fullmatch(r"\s*(\d{1,6})(?:\s*[x×*]\s*(\d{1,6}))?\s*", size.lower())
        if not match:
            raise OptionError(
                f"{option('size')} takes WIDTHxHEIGHT, such as 1024x512, not '{size}'."
            )
        width, height = int(match[1]), int(match[2] or match[1])
    else:
        sides: Any = (size, size) if isinstance(size, int) else size
        if (
            not isinstance(sides, Sequence)
            or len(sides) != 2
            or not all(isinstance(side, int) for side in sides)
        ):
            raise OptionError(
                f"{option('size')} takes a whole number of pixels, (width, height), or a text such "
                f"as '1024x512', not {size!r}.",
                got=size,
            )
        width, height = sides
    if min(width, height) < 1:
        raise OptionError(f"{option('size')} takes sides above 0, not {width}x{height}.")
    return height, width


def _blank(size: tuple[int, int]) -> Picture:
    return Picture(torch.full((1, 3, *size), 0.5))


def _round_stages(
    recipe: Recipe, size: tuple[int, int], encoder: FeatureExtractor
) -> tuple[Stage, ...]:
    """The stages of a tileable texture: all sides are multiples of the deepest stride."""
    stride = max(encoder.stride(layer) for layer in recipe.style_layers)

    def rounded(size: tuple[int, int]) -> tuple[int, int]:
        height, width = (max(2 * stride, round(n / stride) * stride) for n in size)
        return height, width

    minimum = encoder.minimum_side(recipe.style_layers)
    stages = plan_stages(recipe, rounded(size), minimum_side=minimum)
    return tuple(Stage(rounded(stage.size), stage.steps) for stage in stages)


def resize_circular(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize a picture (1, 3, H, W) that tiles, filtering across its borders."""
    height, width = size
    tiled = image.repeat(1, 1, 3, 3)
    return images.resize(tiled, (3 * height, 3 * width))[..., height:-height, width:-width]

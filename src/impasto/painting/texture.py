"""Texture synthesis and reconstruction: pictures made from noise by one of the two terms alone.

With the style term alone a picture becomes a texture of the style (Gatys, Ecker & Bethge 2015,
"Texture Synthesis Using Convolutional Neural Networks", arXiv:1505.07376). With the content term
alone it shows what a layer knows of a picture (Mahendran & Vedaldi 2015, arXiv:1412.0035; figure 1
of Gatys et al. 2015, arXiv:1508.06576). Both are paintings like any other, with a recipe, coarse to
fine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from impasto import images
from impasto.encoders.circular import CircularEncoder
from impasto.encoders.vgg import Encoder, minimum_side
from impasto.errors import OptionError, option
from impasto.images.picture import Picture
from impasto.objective.objective import Objective
from impasto.objective.terms import CircularVariation, EncoderLike, TotalVariation
from impasto.objective.tiled import TiledObjective
from impasto.optim.circular_preconditioner import CircularPreconditioner
from impasto.painting.objective_builder import Style
from impasto.painting.painter import Painter
from impasto.painting.pyramid import Stage, plan_stages
from impasto.recipes.recipe import Recipe


class TexturePainter(Painter):
    """A texture in progress: a painting without content.

    Args:
        styles: One or more pictures to take the texture of.
        size: Height and width of the texture.
        recipe: How; of its entries those on content are not used.
        tileable: Whether the right border is to fit the left one and the lower the upper one. Its
            sides are then rounded to multiples of the deepest layer's stride.
        shares: Weights of the styles in the mixture; equal by default.
        encoder: Used instead of the recipe's.
        memory: Bytes that the process may take.

    Raises:
        ImpastoError: For a recipe that does not fit the encoder, or a size that is too small.
    """

    def __init__(
        self,
        styles: Sequence[Picture | Style],
        size: tuple[int, int],
        recipe: Recipe,
        *,
        tileable: bool = False,
        shares: Sequence[float] | None = None,
        encoder: EncoderLike | None = None,
        memory: float | None = None,
    ) -> None:
        if not recipe.style_weight:
            raise OptionError("A texture is made by the style term alone: its weight cannot be 0.")
        recipe = recipe.replace(
            content_weight=0.0, init="noise", strength=1.0, colour="style", size=max(size)
        )
        super().__init__(
            styles=styles, content=_blank(size), recipe=recipe,
            shares=shares, encoder=encoder, memory=memory,
        )  # fmt: skip
        self._circular: CircularEncoder | None = None
        if isinstance(self.encoder, Encoder):
            least = minimum_side(recipe.style_layers, self.encoder)
            if min(size) < least:
                raise OptionError(
                    f"A texture of {size[1]}×{size[0]} px is too small for its layers: "
                    f"{option('size')} needs at least {least} px each way."
                )
        if tileable:
            if not isinstance(self.encoder, Encoder):
                raise OptionError("A tileable texture needs an impasto.Encoder.")
            self._circular = CircularEncoder(self.encoder)
            self._preconditioner = CircularPreconditioner
            self.stages = _round_stages(recipe, size, self.encoder)

    def objective(self, size: tuple[int, int]) -> Objective | TiledObjective:
        """The objective at a size (height, width) of the pyramid."""
        if self._circular is None:
            return super().objective(size)
        if self.goal.side(size) is not None:
            raise OptionError(
                f"A tileable texture is made in one piece, and {size[1]}×{size[0]} px do not fit "
                f"into memory: give a smaller {option('size')} or more {option('memory')}."
            )
        # The targets are the style pictures', which end at their borders; the texture does not.
        plain = self.goal.objective(size)
        assert isinstance(plain, Objective)
        terms = [
            CircularVariation(self.recipe.tv_weight, self.recipe.tv)
            if isinstance(term, TotalVariation)
            else term
            for term in plain.terms
        ]
        return Objective(terms, self._circular)

    def fingerprint(self) -> str:
        """A digest of pictures, recipe, encoder, and of whether it tiles."""
        return super().fingerprint() + (" tileable" if self._circular else "")

    def _enlarged(self, image: Tensor, size: tuple[int, int]) -> Tensor:
        if self._circular is None:
            return super()._enlarged(image, size)
        return resize_circular(image, size).clamp_(0, 1)


def parse_size(size: int | tuple[int, int] | str) -> tuple[int, int]:
    """Height and width from ``"1024x512"`` (width first), ``"512"``, 512 or (1024, 512).

    Raises:
        OptionError: For anything else.
    """
    if isinstance(size, str):
        found = re.fullmatch(r"\s*(\d{1,6})(?:\s*[x×*]\s*(\d{1,6}))?\s*", size.lower())
        if not found:
            raise OptionError(
                f"{option('size')} takes WIDTHxHEIGHT, such as 1024x512, not '{size}'."
            )
        width, height = int(found[1]), int(found[2] or found[1])
    else:
        width, height = (size, size) if isinstance(size, int) else size
    if min(width, height) < 1:
        raise OptionError(f"{option('size')} takes sides above 0, not {width}x{height}.")
    return height, width


def _blank(size: tuple[int, int]) -> Picture:
    return Picture(torch.full((1, 3, *size), 0.5))


def _round_stages(recipe: Recipe, size: tuple[int, int], encoder: Encoder) -> tuple[Stage, ...]:
    """The stages of a texture that tiles: all sides are multiples of the deepest stride."""
    stride = max(encoder.stride(layer) for layer in recipe.style_layers)

    def rounded(size: tuple[int, int]) -> tuple[int, int]:
        height, width = (max(2 * stride, round(n / stride) * stride) for n in size)
        return height, width

    least = minimum_side(recipe.style_layers, encoder)
    stages = plan_stages(recipe, rounded(size), least_side=least)
    return tuple(Stage(rounded(stage.size), stage.steps) for stage in stages)


def resize_circular(image: Tensor, size: tuple[int, int]) -> Tensor:
    """A picture (1, 3, H, W) of another size, whose borders are filtered across."""
    height, width = size
    nine = image.repeat(1, 1, 3, 3)
    return images.resize(nine, (3 * height, 3 * width))[..., height:-height, width:-width]

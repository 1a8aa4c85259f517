"""Texture synthesis and reconstruction: pictures made from noise by one of the two terms alone.

With the style term alone a picture becomes a texture of the style (Gatys, Ecker & Bethge 2015,
"Texture Synthesis Using Convolutional Neural Networks", arXiv:1505.07376). With the content term
alone it shows what a layer knows of a picture (Mahendran & Vedaldi 2015, arXiv:1412.0035; figure 1
of Gatys et al. 2015, arXiv:1508.06576). Both are paintings like any other, with a recipe, coarse to
fine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from impasto import images
from impasto.circular import (
    CircularEncoder,
    CircularPreconditioner,
    CircularVariation,
    resize_circular,
)
from impasto.encoders import Encoder, minimum_side
from impasto.errors import OptionError
from impasto.goals import Style
from impasto.images import Picture
from impasto.objective import EncoderLike, Objective, TiledObjective, TotalVariation
from impasto.painter import Painter, read_styles
from impasto.painting import Painting, Row, describe_sources, row
from impasto.presets import get_recipe
from impasto.pyramid import Stage, plan_stages
from impasto.recipes import Recipe

NOISE = "(noise)"
"""What stands in the metadata for the content of a picture that has none."""


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
                    f"--size needs at least {least} px each way."
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
                "into memory: give a smaller --size or more --memory."
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


def texture(
    style: str | Path | Image.Image | Sequence[str | Path | Image.Image],
    size: int | tuple[int, int] | str = 512,
    *,
    tileable: bool = False,
    recipe: str | Path | Recipe = "texture",
    shares: Sequence[float] | None = None,
    memory: float | None = None,
    max_pixels: int = images.MAX_PIXELS,
    **changes: Any,
) -> Painting:
    """Make a texture of a picture's style, from noise.

    Args:
        style: A picture's path, or a Pillow image; or several, mixed by ``shares``.
        size: Of the texture: (width, height), ``"1024x512"``, or the side of a square.
        tileable: Whether it is to fit itself on all sides; see :class:`TexturePainter`.
        recipe: A preset's name, the path of a TOML file, or a :class:`Recipe`.
        shares: Weights of several styles; equal by default.
        memory: Bytes that the process may take.
        max_pixels: Refuse larger pictures.
        **changes: Recipe entries to change, e.g. ``style_scale=0.5``.

    Returns:
        The texture; ``.save("out.png")`` writes it.

    Raises:
        ImpastoError: For pictures or options that cannot be used.
    """
    canvas = parse_size(size)
    chosen = _recipe(recipe, {**changes, "size": max(canvas)})
    several = [style] if isinstance(style, (str, Path, Image.Image)) else list(style)
    styles = read_styles(several, chosen, max(canvas), max_pixels=max_pixels)
    painter = TexturePainter(
        styles, canvas, chosen, tileable=tileable, shares=shares, memory=memory
    )
    return _finish(painter, texture_sources(several, canvas, tileable=tileable, shares=shares))


def reconstruct(
    image: str | Path | Image.Image,
    layer: str | Mapping[str, float] | None = None,
    *,
    style_layers: Iterable[str] | Mapping[str, float] | None = None,
    recipe: str | Path | Recipe = "reconstruction",
    memory: float | None = None,
    max_pixels: int = images.MAX_PIXELS,
    **changes: Any,
) -> Painting:
    """Make a picture again, from noise, from what some layers of an encoder know of it.

    Args:
        image: A picture's path, or a Pillow image.
        layer: What of its content: the features of this layer, or of several with weights.
        style_layers: Or what of its style: the statistics of these layers.
        recipe: A preset's name, the path of a TOML file, or a :class:`Recipe`.
        memory: Bytes that the process may take.
        max_pixels: Refuse a larger picture.
        **changes: Recipe entries to change, e.g. ``size=256``.

    Raises:
        ImpastoError: For pictures or options that cannot be used.
    """
    chosen = _recipe(recipe, changes)
    picture = images.read(image, long_side=chosen.size, max_pixels=max_pixels)
    content = {layer: 1.0} if isinstance(layer, str) else layer
    if style_layers is not None and not isinstance(style_layers, Mapping):
        names = list(style_layers)
        style_layers = dict.fromkeys(names, 1 / max(1, len(names)))
    painter = reconstruction(picture, chosen, content, style_layers, memory=memory)
    kind = "content" if style_layers is None else "style"
    return _finish(painter, reconstruction_sources(image, kind))


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
        "Name what to make the picture from: one of --layer relu4_2 (its content), "
        "--style-layers relu1_1,relu2_1 (its style) and --figure (both, at every depth)."
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


def parse_size(size: int | tuple[int, int] | str) -> tuple[int, int]:
    """Height and width from ``"1024x512"`` (width first), ``"512"``, 512 or (1024, 512).

    Raises:
        OptionError: For anything else.
    """
    if isinstance(size, str):
        found = re.fullmatch(r"\s*(\d{1,6})(?:\s*[x×*]\s*(\d{1,6}))?\s*", size.lower())
        if not found:
            raise OptionError(f"--size takes WIDTHxHEIGHT, such as 1024x512, not '{size}'.")
        width, height = int(found[1]), int(found[2] or found[1])
    else:
        width, height = (size, size) if isinstance(size, int) else size
    if min(width, height) < 1:
        raise OptionError(f"--size takes sides above 0, not {width}x{height}.")
    return height, width


def texture_sources(
    styles: Sequence[str | Path | Image.Image],
    size: tuple[int, int],
    *,
    tileable: bool,
    shares: Sequence[float] | None = None,
) -> dict[str, str]:
    """What a texture was made of, for the metadata; all that ``impasto rerun`` needs."""
    return {
        **describe_sources(NOISE, styles, shares),
        "made as": "tileable texture" if tileable else "texture",
        "canvas": f"{size[1]}x{size[0]}",
    }


def reconstruction_sources(image: str | Path | Image.Image, kind: str) -> dict[str, str]:
    """What a reconstruction was made of: ``content``, ``style`` or ``figure``."""
    return {**describe_sources(image, [], None), "made as": f"{kind} reconstruction"}


def _blank(size: tuple[int, int]) -> Picture:
    return Picture(torch.full((1, 3, *size), 0.5))


def _recipe(recipe: str | Path | Recipe, changes: Mapping[str, Any]) -> Recipe:
    base = recipe if isinstance(recipe, Recipe) else get_recipe(recipe)
    return base.replace(**changes)


def _round_stages(recipe: Recipe, size: tuple[int, int], encoder: Encoder) -> tuple[Stage, ...]:
    """The stages of a texture that tiles: all sides are multiples of the deepest stride."""
    stride = max(encoder.stride(layer) for layer in recipe.style_layers)

    def rounded(size: tuple[int, int]) -> tuple[int, int]:
        height, width = (max(2 * stride, round(n / stride) * stride) for n in size)
        return height, width

    least = minimum_side(recipe.style_layers, encoder)
    stages = plan_stages(recipe, rounded(size), least_side=least)
    return tuple(Stage(rounded(stage.size), stage.steps) for stage in stages)


def _finish(painter: Painter, sources: Mapping[str, str]) -> Painting:
    losses: list[Row] = [row(step) for step in painter]
    seconds = losses[-1]["seconds"] if losses else 0.0
    return Painting(painter.picture, None, losses, painter.recipe, seconds, sources)

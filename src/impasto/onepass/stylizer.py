"""``impasto.stylize``: pictures painted in one pass by a trained network."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from impasto import images
from impasto.colour.modes import get_colour_mode
from impasto.errors import ImageError, OptionError, option, unknown_name
from impasto.images.picture import Picture, fit_size
from impasto.networks.catalogue import networks, open_network, style_names
from impasto.networks.files import OnePassModel
from impasto.onepass.style_files import is_style_file, load_style
from impasto.onepass.stylist import STYLE_SIDE, Stylist, check_strength, mixture
from impasto.recipes.recipe import Recipe
from impasto.regions.masks import visible
from impasto.regions.regions import Region, full_name

ANY = "any"
"""The built-in model for any style picture."""

_LARGE = 24e6
"""Pixels from which a picture is painted in bytes: it would take 12 bytes a pixel in float32."""

_PALETTE = 4 * 10**6
"""Pixels that a palette is told by: more would take some 100 bytes each in float64."""


@dataclass(frozen=True)
class StyleSource:
    """A style to paint like.

    Attributes:
        source: Name of a model's style, path of a picture or of a style file, or a Pillow image.
        share: Its weight in a mixture.
    """

    source: str | Path | Image.Image
    share: float = 1.0

    @property
    def is_name(self) -> bool:
        """Whether it is neither a file nor an image."""
        if isinstance(self.source, Image.Image) or os.path.isfile(self.source):
            return False
        # What looks like a file was meant to be one, and is missed by its reader.
        return not Path(self.source).suffix and len(Path(self.source).parts) == 1


def choose_model(styles: Sequence[StyleSource]) -> str:
    """The built-in model that knows these styles: by their names, or any picture."""
    names = [str(style.source) for style in styles if style.is_name]
    if not names:
        return ANY
    offered = {name: model for model in networks() for name in style_names(model)}
    names = [full_name(name, offered) for name in names]
    for name in names:
        if name not in offered and os.path.isdir(name):
            raise ImageError(f"{name} is a folder: name a picture file in it.")
        if name not in offered:
            raise unknown_name("style", name, [*offered, "a picture's path"])
    if len(names) < len(styles):
        raise OptionError("Mix named styles with each other, or pictures with each other.")
    return offered[names[0]]


class Stylizer:
    """One style, or a mixture, that pictures are painted in.

    Args:
        styles: What to paint like.
        model: Name or file of a one-pass model, or the model; chosen by the styles by default.
        strength: 0 (the photograph, or nearly) to 1.
        colour: Name in :data:`impasto.colour.modes.COLOUR_MODES`.
        colour_space: Of colours that are kept: ``"oklab"``, ``"cielab"`` or ``"yiq"``.
        colour_match: Method of the mode ``"match"``.
        precision: See :func:`impasto.runtime.precision.compute_dtype`.
        memory: Bytes that painting may take; two thirds of what is free by default.
        max_pixels: Refuse larger style pictures.

    Raises:
        ImpastoError: For styles, models or options that cannot be used.
    """

    def __init__(
        self,
        styles: Sequence[StyleSource],
        *,
        model: str | Path | OnePassModel | None = None,
        strength: float = 1.0,
        colour: str = Recipe.colour,
        colour_space: str = Recipe.colour_space,
        colour_match: str = Recipe.colour_match,
        precision: str = "auto",
        memory: float | None = None,
        max_pixels: int = images.MAX_PIXELS,
    ) -> None:
        if not styles:
            raise OptionError(
                f"Name a style: {option('style')} painting.jpg, or one of the model's own."
            )
        check_strength(strength)
        model = choose_model(styles) if model is None else model
        self.model = model if isinstance(model, OnePassModel) else open_network(model)
        self._stylist = Stylist(self.model, precision=precision, memory=memory)
        self._styles = [
            replace(style, source=full_name(str(style.source), self.names))
            if style.is_name
            else style
            for style in styles
        ]
        self._strength = strength
        self._mode, self._space, self._match = get_colour_mode(colour), colour_space, colour_match
        self._colour = colour
        self._pictures = [self._read(style, max_pixels) for style in self._styles]
        # Colours apart, a style does not depend on the picture painted: it is read once.
        self._vector = None if self._mode.recolours else self._common(None, None)

    @property
    def vector(self) -> Tensor:
        """The style vector (style_size,), if it does not depend on the picture painted.

        Raises:
            OptionError: With the colour modes that give the style the picture's colours first.
        """
        if self._vector is None:
            raise OptionError(
                f"With {option('colour')} {self._colour} a style depends on the picture."
            )
        return self._vector

    @property
    def pictures(self) -> list[Picture]:
        """The style pictures, those of them that are pictures."""
        return [picture for picture in self._pictures if picture is not None]

    @property
    def names(self) -> tuple[str, ...]:
        """The styles that the model knows by name."""
        return tuple(self._stylist.names)

    def named(self, name: str) -> Tensor:
        """The vector (style_size,) of one of these; an OptionError for another name."""
        return self._stylist.named(name)

    def bytes_needed(self, content: Picture) -> float:
        """What painting a picture takes where it need not be cut, about."""
        return self._stylist.bytes_needed(content.size)

    def paint(
        self,
        content: Picture,
        *,
        regions: Sequence[Region] = (),
        done: Callable[[float], None] = lambda share: None,
    ) -> Tensor:
        """Paint a picture, to (1, 3, H, W) in [0, 1], or uint8 if it is a very large one.

        Args:
            content: What to paint.
            regions: Which part of it is painted after what, covering it (:mod:`impasto.regions.regions`).
            done: Called with the share of the work that is done.
        """
        original = images.as_floats(content.tensor) if regions else sparing(content).tensor
        tensor = self._mode.content(original, self._space)
        vectors, where = self._vectors(original, regions)
        brush = self._stylist.brush(vectors, tensor, strength=self._strength, where=where)
        beside = 0 if tensor is original else original.nbytes
        painted = self._stylist.paint(tensor, brush, beside=beside, done=done)
        painted = self._mode.result(painted, original, self._space)
        kept = [area.where for area in regions if area.keep]
        if kept:
            painted = torch.lerp(painted, original, torch.cat(kept, 1).sum(1, True).clamp(0, 1))
        return painted

    def _read(self, style: StyleSource, max_pixels: int) -> Picture | None:
        """The style's picture, at the size that styles are read off; None if it has none."""
        if style.is_name or (
            not isinstance(style.source, Image.Image) and is_style_file(style.source)
        ):
            return None
        return images.read(style.source, long_side=STYLE_SIDE, max_pixels=max_pixels)

    def _vectors(
        self, content: Tensor, regions: Sequence[Region]
    ) -> tuple[list[Tensor], Tensor | None]:
        if not regions:
            return [self._common(content, None) if self._vector is None else self._vector], None
        vectors = []
        for area in regions:
            if area.style is not None:
                size = fit_size(area.style.size, STYLE_SIDE)
                vectors.append(
                    self._one(area.style.resized(size), content, area.where, area.style_where)
                )
            elif area.named:
                vectors.append(self._stylist.named(area.named))
            elif area.keep:
                vectors.append(torch.zeros(self.model.network.style_size))
            else:
                vectors.append(self._common(content, area))
        return vectors, torch.cat([area.where for area in regions], 1)

    def _common(self, content: Tensor | None, area: Region | None) -> Tensor:
        """The mixture of the styles, for all of the picture or an area of it."""
        vectors = []
        for style, picture in zip(self._styles, self._pictures, strict=True):
            if picture is not None:
                style_where = None if area is None else area.style_where
                where = None if area is None else area.where
                vectors.append(self._one(picture, content, where, style_where))
            elif is_style_file(str(style.source)):
                vectors.append(load_style(str(style.source), self.model))
            else:
                vectors.append(self._stylist.named(str(style.source)))
        return mixture(vectors, [style.share for style in self._styles])

    def _one(
        self,
        picture: Picture,
        content: Tensor | None,
        where: Tensor | None,
        style_where: Tensor | None,
    ) -> Tensor:
        tensor, style_where = visible(picture.tensor, picture.alpha, style_where)
        if content is not None:
            # A palette is told well enough by every so many pixels of a large picture.
            few = math.isqrt(max(1, content.shape[-2] * content.shape[-1] // _PALETTE))
            content = images.as_floats(content[..., ::few, ::few])
            where = None if where is None else where[..., ::few, ::few]
            tensor = self._mode.style(tensor, content, where, self._space, self._match)
        return self._stylist.read(tensor, where=style_where)


def sparing(content: Picture) -> Picture:
    """A picture to be painted all over, a very large one in bytes: a quarter of the memory."""
    height, width = content.size
    is_large = height * width >= _LARGE and content.tensor.is_floating_point()
    return content.in_bytes() if is_large else content

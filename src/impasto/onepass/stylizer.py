"""``impasto.Stylizer``: pictures painted in one pass, in styles of any source."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto import images
from impasto.colour.modes import get_colour_mode
from impasto.errors import ImageError, OptionError, option, unknown_name
from impasto.images.picture import PICTURE_TYPES, Picture, PictureLike, fit_size
from impasto.networks.catalogue import networks, open_network, style_names
from impasto.networks.model import OnePassModel
from impasto.networks.normalization import MomentFilter, own_moments
from impasto.onepass.sized_painting import SizedPainter
from impasto.onepass.style_files import is_style_file, load_style
from impasto.onepass.stylist import STYLE_SIDE, Stylist, check_strength, mixture
from impasto.recipes.recipe import Recipe
from impasto.regions.masks import stacked_masks, visible
from impasto.regions.region_colours import in_colours, put_where
from impasto.regions.regions import Region, resolve_name
from impasto.runtime.devices import CPU, DeviceLike
from impasto.runtime.memory import BASE_BYTES
from impasto.runtime.threads import survive_forks

ANY = "any"
"""The built-in model for any style picture."""

LARGE = 24e6
"""Pixels from which a picture is painted as uint8: in float32 it would take 12 bytes a pixel."""

_WORKING_BYTES = 250e6
"""What a network should have for its maps: with less, tiles are mostly halo."""

_PALETTE = 4 * 10**6
"""Pixels that a palette is measured on: more would take some 100 bytes each in float64."""


@dataclass(frozen=True)
class StyleSource:
    """A style to paint in.

    Attributes:
        source: Name of a model's style, path of a picture or of a style file, or a picture in
            memory (see :func:`impasto.read_image`).
        share: Its weight in a mixture.
    """

    source: PictureLike
    share: float = 1.0

    @property
    def is_name(self) -> bool:
        """Whether it is neither a file nor a picture in memory."""
        if not isinstance(self.source, str | Path) or os.path.isfile(self.source):
            return False
        # What looks like a path is one, and its reader says that there is no such file.
        return not Path(self.source).suffix and len(Path(self.source).parts) == 1


def style_sources(
    given: PictureLike | StyleSource | Sequence[PictureLike | StyleSource],
) -> list[StyleSource]:
    """One style or several; those without a share have equal ones."""
    several: Any = [given] if isinstance(given, (*PICTURE_TYPES, StyleSource)) else given
    return [style if isinstance(style, StyleSource) else StyleSource(style) for style in several]


def choose_model(styles: Sequence[StyleSource]) -> str:
    """The built-in or added model that knows these styles by name, or the one for any picture."""
    names = [str(style.source) for style in styles if style.is_name]
    if not names:
        return ANY
    known = {name: model for model in networks() for name in style_names(model)}
    names = [resolve_name(name, known) for name in names]
    for name in names:
        if name not in known and os.path.isdir(name):
            raise ImageError(f"{name} is a folder: name a picture file in it.")
        if name not in known:
            raise unknown_name("style", name, [*known, "a picture's path"])
    if len(names) < len(styles):
        raise OptionError("Mix named styles with each other, or pictures with each other.")
    return known[names[0]]


class Stylizer:
    """Paints pictures in one style or a mixture of styles.

    Args:
        styles: The styles, mixed by their shares: names of the model's styles, style files, or
            pictures as :func:`impasto.read_image` takes them; none for pictures whose regions
            all have their own, or are kept.
        model: Name or file of a one-pass model, or the model; chosen by the styles by default.
        strength: 0 (the photograph) to 1.
        style_scale: Size of the strokes relative to the picture; 0 for a fixed size in pixels (see
            :func:`impasto.onepass.stroke_size.painted_size`).
        colour: Name in :data:`impasto.colour.modes.COLOUR_MODES`.
        colour_space: Of colours that are kept: ``"oklab"``, ``"cielab"`` or ``"yiq"``.
        colour_match: Method of the mode ``"match"``.
        precision: See :func:`impasto.runtime.precision.compute_dtype`.
        memory: Bytes that painting may take; by default two thirds of what is free.
        max_pixels: Larger style pictures are refused.
        device: Where to paint; the CPU by default.

    Raises:
        ImpastoError: For styles, models or options that cannot be used.
    """

    def __init__(
        self,
        styles: PictureLike | StyleSource | Sequence[PictureLike | StyleSource],
        *,
        model: str | Path | OnePassModel | None = None,
        strength: float = 1.0,
        style_scale: float = 1.0,
        colour: str = Recipe.colour,
        colour_space: str = Recipe.colour_space,
        colour_match: str = Recipe.colour_match,
        precision: str = "auto",
        memory: float | None = None,
        max_pixels: int = images.MAX_PIXELS,
        device: DeviceLike = CPU,
    ) -> None:
        sources = style_sources(styles)
        if not sources and model is None:
            raise _no_style()
        check_strength(strength)
        survive_forks()
        model = choose_model(sources) if model is None else model
        self.model = model if isinstance(model, OnePassModel) else open_network(model)
        self._stylist = Stylist(self.model, precision=precision, memory=memory, device=device)
        self._painter, self._strength = SizedPainter(self._stylist, style_scale), strength
        self._mode, self._space, self._match = get_colour_mode(colour), colour_space, colour_match
        self._colour, self._memory = colour, memory
        self._shares = [style.share for style in sources]
        self._styles = [self._open(style, max_pixels) for style in sources]
        # Unless the colour mode recolours style pictures, the style is the same for all contents.
        is_same = bool(sources) and not self._mode.recolours
        self._vector = self._mixture(None, None) if is_same else None

    @property
    def vector(self) -> Tensor:
        """The style vector (style_size,), if it does not depend on the picture painted.

        Raises:
            OptionError: For colour modes that give the style the picture's colours first.
        """
        if self._vector is None:
            raise OptionError(
                f"With {option('colour')} {self._colour} a style depends on the picture."
            )
        return self._vector

    @property
    def pictures(self) -> list[Picture]:
        """The style pictures; styles of names and style files have none."""
        return [style for style in self._styles if isinstance(style, Picture)]

    @property
    def painter(self) -> SizedPainter:
        """What paints with strokes of the size asked for."""
        return self._painter

    @property
    def names(self) -> tuple[str, ...]:
        """The styles that the model knows by name."""
        return tuple(self._stylist.names)

    def named_style(self, name: str) -> Tensor:
        """The vector (style_size,) of one of ``names``; an OptionError for another name."""
        return self._stylist.named_style(name)

    def bytes_needed(self, content: Picture, *, regions: int = 0, depth: int = 8) -> float:
        """Bytes that the process takes while it paints a picture, approximately.

        Args:
            content: The picture.
            regions: Number of its regions.
            depth: See :meth:`paint`.

        Raises:
            OptionError: If it is more than the limit that was given, with the least that does.
        """
        itemsize = 1 if self.holds_bytes(content, regions=regions, depth=depth) else 4
        needed, least = self._painter.planned_bytes(
            content.size, itemsize, pictures=self._pictures_held, regions=regions
        )
        if self._memory is not None and least > self._memory:
            height, width = content.size
            gigabytes = math.ceil(least / 1e8) / 10
            raise OptionError(
                f"{width}×{height} px take at least {gigabytes:.1f} GB of memory, more than the "
                f"{self._memory / 1e9:.2g} GB allowed: give {option('memory')} {gigabytes:.1f}GB "
                f"or a smaller {option('size')}.",
                got=self._memory,
                allowed=least,
            )
        return needed

    def holds_bytes(self, content: Picture, *, regions: int = 0, depth: int = 8) -> bool:
        """Whether a picture and the masks of its regions are uint8 to save memory; see above."""
        mask_bytes = 4 * regions * content.size[0] * content.size[1]
        return self._itemsize(content, depth, mask_bytes) == 1

    def paint(
        self,
        content: PictureLike,
        *,
        regions: Sequence[Region] = (),
        vectors: Sequence[Tensor] = (),
        strength: float | None = None,
        filter_moments: MomentFilter = own_moments,
        depth: int = 8,
        progress: Callable[[float], None] = lambda share: None,
    ) -> Tensor:
        """Paint a picture.

        Args:
            content: The picture, see :func:`impasto.read_image`.
            regions: Styles of its parts, covering it (see :mod:`impasto.regions.regions`).
            vectors: Style vectors to use instead: one, or one for each region.
            strength: To use instead, 0 to 1.
            filter_moments: Moments of the picture's maps → those to normalize by; see
                :data:`impasto.networks.normalization.MomentFilter`.
            depth: Bits a sample that the result is to hold; with 8, very large ones are uint8.
            progress: Called with the share of the work that is done.

        Returns:
            (1, 3, H, W) in [0, 1] on the device; uint8 for a very large picture without regions.
        """
        device = self._stylist.device
        regions = [region.to(device) for region in regions]
        content = (content if isinstance(content, Picture) else images.read(content)).to(device)
        if regions:
            masks = stacked_masks([region.mask for region in regions])
            original = self._as_small_as_needed(content, depth, masks).tensor
            vectors = vectors or [self._region_vector(region, original) for region in regions]
        else:
            original, masks = self._as_small_as_needed(content, depth, None).tensor, None
            vectors = vectors or [self.vector_for(Picture(original))]
        painted = self._painter.paint(
            original,
            vectors,
            strength=self._strength if strength is None else strength,
            masks=masks,
            prepare=lambda rows: self._mode.content(rows, self._space),
            filter_moments=filter_moments,
            progress=progress,
        )
        painted = in_colours(painted, original, self._colour, self._space, regions, overwrite=True)
        kept = [region.mask for region in regions if region.keep]
        if kept:
            put_where(painted, original, kept)
        return painted

    def vector_for(self, content: PictureLike) -> Tensor:
        """The style vector (style_size,) for a picture, whose colours it may depend on."""
        content = content if isinstance(content, Picture) else images.read(content)
        tensor = content.to(self._stylist.device).tensor
        return self._mixture(tensor, None) if self._vector is None else self._vector

    def region_vector(self, region: Region, content: Picture) -> Tensor:
        """The style vector (style_size,) of a region of a picture."""
        device = self._stylist.device
        return self._region_vector(region.to(device), content.to(device).tensor)

    def _as_small_as_needed(self, content: Picture, depth: int, masks: Tensor | None) -> Picture:
        """The picture, as uint8 if it is very large or the memory does not suffice for floats."""
        is_small = self._itemsize(content, depth, 0 if masks is None else masks.nbytes) == 1
        return content.as_uint8() if is_small else content

    def _itemsize(self, content: Picture, depth: int, mask_bytes: int) -> int:
        """Bytes of one value of a picture as it is painted."""
        if content.tensor.dtype == torch.uint8 or is_very_large(content, depth):
            return 1
        if self._memory is None or depth != 8:
            return 4
        held = (1 + self._pictures_held) * content.tensor.nbytes + mask_bytes
        return 1 if BASE_BYTES + held + _WORKING_BYTES > self._memory else 4

    @property
    def _pictures_held(self) -> int:
        """The picture, and of most colour modes one more."""
        return 1 if self._colour == Recipe.colour else 2

    def _open(self, style: StyleSource, max_pixels: int) -> Picture | Tensor:
        """The picture of a style, reduced to the size of styles; its vector if it has none."""
        if style.is_name:
            return self._stylist.named_style(resolve_name(str(style.source), self.names))
        if isinstance(style.source, str | Path) and is_style_file(style.source):
            return load_style(style.source, self.model).to(self._stylist.device)
        picture = images.read(style.source, long_side=STYLE_SIDE, max_pixels=max_pixels)
        return picture.to(self._stylist.device)

    def _region_vector(self, region: Region, content: Tensor) -> Tensor:
        if region.style is not None:
            picture = region.style.resized(fit_size(region.style.size, STYLE_SIDE))
            return self._picture_vector(picture, content, region)
        if region.style_name:
            return self._stylist.named_style(region.style_name)
        if region.keep:  # replaced by the photograph afterwards
            return torch.zeros(self.model.network.style_size, device=self._stylist.device)
        return self._mixture(content, region)

    def _mixture(self, content: Tensor | None, region: Region | None) -> Tensor:
        """The mixture of the styles, for the whole picture or a region."""
        if not self._styles:
            raise _no_style()
        vectors = [
            self._picture_vector(style, content, region) if isinstance(style, Picture) else style
            for style in self._styles
        ]
        return mixture(vectors, self._shares)

    def _picture_vector(
        self, picture: Picture, content: Tensor | None, region: Region | None
    ) -> Tensor:
        """The vector of a style picture, or the part of it and of the content that a region has."""
        mask, style_mask = (None, None) if region is None else (region.mask, region.style_mask)
        tensor, style_mask = visible(picture.tensor, picture.alpha, style_mask)
        if content is not None:
            # Every so many pixels of a large picture are enough to measure its palette.
            step = math.isqrt(max(1, content.shape[-2] * content.shape[-1] // _PALETTE))
            content = images.as_float(content[..., ::step, ::step])
            mask = None if mask is None else images.as_float(mask[..., ::step, ::step])
            tensor = self._mode.style(tensor, content, mask, self._space, self._match)
        return self._stylist.read_style(tensor, mask=style_mask)


def _no_style() -> OptionError:
    return OptionError(f"Name a style: {option('style')} painting.jpg, or one of the model's own.")


def is_very_large(content: Picture, depth: int = 8) -> bool:
    """Whether a picture is held in bytes, if no more bits are needed."""
    height, width = content.size
    return height * width >= LARGE and depth == 8


def uint8_if_large(content: Picture, depth: int = 8) -> Picture:
    """The picture, as uint8 if it is very large and needs no more bits: a quarter of the memory."""
    is_large = is_very_large(content, depth) and content.tensor.is_floating_point()
    return content.as_uint8() if is_large else content

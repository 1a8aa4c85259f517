"""The Python interface: one call a picture."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from impasto import images
from impasto.errors import OptionError
from impasto.jobs.initial_image import open_initial_image
from impasto.jobs.results import (
    Painting,
    Row,
    Stylized,
    describe,
    describe_sources,
    reconstruction_sources,
    row,
    source_name,
    texture_sources,
)
from impasto.jobs.sources import read_styles
from impasto.onepass.stylizer import StyleSource, Stylizer, sparing
from impasto.painting.objective_builder import as_styles
from impasto.painting.painter import Painter
from impasto.painting.reconstruction import reconstruction
from impasto.painting.texture import TexturePainter, parse_size
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import Recipe
from impasto.regions.regions import read_regions


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


def _recipe(recipe: str | Path | Recipe, changes: Mapping[str, Any]) -> Recipe:
    base = recipe if isinstance(recipe, Recipe) else get_recipe(recipe)
    return base.replace(**changes)


def _finish(painter: Painter, sources: Mapping[str, str]) -> Painting:
    losses: list[Row] = [row(step) for step in painter]
    seconds = losses[-1]["seconds"] if losses else 0.0
    return Painting(painter.picture, None, losses, painter.recipe, seconds, sources)


def paint(
    content: str | Path | Image.Image,
    style: str | Path | Image.Image | Sequence[str | Path | Image.Image],
    *,
    recipe: str | Path | Recipe = "default",
    shares: Sequence[float] | None = None,
    levels: Sequence[str] | None = None,
    mask: str | Path | None = None,
    style_mask: str | Path | None = None,
    regions: Sequence[str] = (),
    memory: float | None = None,
    max_pixels: int = images.MAX_PIXELS,
    **changes: Any,
) -> Painting:
    """Paint a content picture in the manner of a style picture.

    Args:
        content: A picture's path, or a Pillow image.
        style: Likewise; or several, mixed by ``shares``.
        recipe: A preset's name, the path of a TOML file, or a :class:`Recipe`.
        shares: Weights of several styles; equal by default.
        levels: ``"coarse"`` or ``"fine"`` for each style, or ``""``: which layers compare it,
            the deep ones (its large forms), the shallow ones (its brushwork), or all as by default.
        mask: Label picture of the content, one colour a region, with ``style_mask``.
        style_mask: Label picture of the style, in the same colours.
        regions: ``"sky=sky.png@monet.jpg"`` and the like, see :mod:`impasto.regions.masks`.
        memory: Bytes that the process may take; two thirds of what is free by default.
        max_pixels: Refuse larger pictures and masks.
        **changes: Recipe entries to change, e.g. ``size=1024, style_loss="gram"``.

    Returns:
        The painting; ``.save("out.png")`` writes it.

    Raises:
        ImpastoError: For pictures or options that cannot be used.
    """
    base = recipe if isinstance(recipe, Recipe) else get_recipe(recipe)
    chosen = base.replace(**changes)
    several = [style] if isinstance(style, (str, Path, Image.Image)) else list(style)
    picture = images.read(content, long_side=chosen.size, max_pixels=max_pixels)
    pictures = read_styles(several, chosen, max(picture.size), max_pixels=max_pixels)
    styles = as_styles(pictures, shares, levels)
    found, _ = read_regions(
        picture,
        pictures,
        mask=mask,
        style_mask=style_mask,
        regions=regions,
        blur=chosen.feather,
        max_pixels=max_pixels,
    )
    painter = Painter(
        picture,
        styles,
        chosen,
        regions=found,
        memory=memory,
        initial_image=open_initial_image(chosen, max_pixels=max_pixels),
    )
    losses, seconds = [], 0.0
    for step in painter:
        losses.append(row(step))
        seconds = step.seconds
    sources = describe_sources(
        content, several, shares, levels, mask=mask, style_mask=style_mask, regions=regions
    )
    return Painting(painter.picture, picture.alpha, losses, chosen, seconds, sources)


def stylize(
    content: str | Path | Image.Image,
    style: str | Path | Image.Image | Sequence[str | Path | Image.Image],
    *,
    shares: Sequence[float] | None = None,
    size: int | None = None,
    mask: str | Path | None = None,
    style_mask: str | Path | None = None,
    regions: Sequence[str] = (),
    feather: float = 0.0,
    **options: Any,
) -> Stylized:
    """Paint a picture in one pass, in a fraction of a second.

    Args:
        content: A picture's path, or a Pillow image.
        style: Likewise, or the name of a model's style; or several, mixed by ``shares``.
        shares: Weights of several styles; equal by default.
        size: Long side in pixels; the content's own by default.
        mask: Label picture of the content, one colour a region, with ``style_mask``.
        style_mask: Label picture of the style, in the same colours.
        regions: ``"sky=sky.png@monet.jpg"`` and the like, see :mod:`impasto.regions.masks`; with a model of
            named styles ``"sky=sky.png@starry-night"``.
        feather: Blur of the masks' edges, as a share of the long side.
        **options: As :class:`Stylizer` takes them: model, strength, colour, memory …

    Raises:
        ImpastoError: For pictures or options that cannot be used.
    """
    several = [style] if isinstance(style, (str, Path, Image.Image)) else list(style)
    weights = [1.0] * len(several) if shares is None else list(shares)
    if len(weights) != len(several):
        raise OptionError(f"{len(several)} styles need as many shares, not {len(weights)}.")
    sources = [StyleSource(source, share) for source, share in zip(several, weights, strict=True)]
    stylizer = Stylizer(sources, **options)
    limit = options.get("max_pixels", images.MAX_PIXELS)
    picture = images.read(content, long_side=size, max_pixels=limit)
    found, _ = read_regions(
        picture,
        stylizer.pictures,
        mask=mask,
        style_mask=style_mask,
        regions=regions,
        blur=feather,
        named=stylizer.names,
        max_pixels=limit,
    )
    picture = picture if found else sparing(picture)
    started = time.perf_counter()
    tensor = stylizer.paint(picture, regions=found)
    seconds = time.perf_counter() - started
    names = [source_name(source) for source in several]
    told = {"size": size, "mask": mask, "style_mask": style_mask, "feather": feather, **options}
    described = describe(
        str(picture.path or ""), dict(zip(names, weights, strict=True)), told, regions=regions
    )
    return Stylized(tensor, picture.alpha, seconds, described)

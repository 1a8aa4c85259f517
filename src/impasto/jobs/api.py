"""The Python interface: one call a picture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto import images
from impasto.errors import OptionError, option
from impasto.images.picture import PictureLike
from impasto.jobs.display import watch
from impasto.jobs.inputs import AnyStyles, as_regions, as_source, as_style_inputs
from impasto.jobs.requests import (
    PaintRequest,
    ReconstructRequest,
    Request,
    Source,
    StylizeRequest,
    TextureRequest,
)
from impasto.jobs.resources import Resources
from impasto.jobs.results import Result
from impasto.jobs.run import RunOptions, run
from impasto.networks.model import OnePassModel
from impasto.painting.texture import parse_size
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import Recipe
from impasto.regions.masks import RegionSpec
from impasto.runtime.devices import DeviceLike


def paint(
    content: PictureLike,
    style: AnyStyles = (),
    *,
    recipe: str | Path | Recipe = "default",
    shares: Sequence[float] | None = None,
    levels: Sequence[str] | None = None,
    mask: PictureLike | None = None,
    style_mask: PictureLike | None = None,
    regions: Sequence[str | RegionSpec] = (),
    device: DeviceLike = "auto",
    memory: float | None = None,
    max_pixels: int = images.MAX_PIXELS,
    progress: bool = False,
    **changes: Any,
) -> Result:
    """Paint a content picture in the style of another picture.

    Args:
        content: A picture's path, or a Pillow image.
        style: A picture's path, or a Pillow image; or several, mixed by ``shares``;
            none if all that is painted are ``regions`` with styles of their own.
        recipe: A preset's name, the path of a TOML file, or a :class:`Recipe`.
        shares: Weights of several styles; equal by default.
        levels: ``"coarse"`` or ``"fine"`` for each style, or ``""``: which layers compare it, the
            deep ones (large forms), the shallow ones (brushwork), or all.
        mask: Label picture of the content, one colour a region, with ``style_mask``.
        style_mask: Label picture of the style, in the same colours.
        regions: ``"sky=sky.png@monet.jpg"`` and the like, see :mod:`impasto.regions.masks`.
        device: Where to paint: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"xpu"`` or ``"mps"``; the
            first GPU by default, else the CPU.
        memory: Bytes that may be taken of the device's memory; two thirds of what is free by
            default.
        max_pixels: Refuse larger pictures and masks.
        progress: Show a progress bar, in a notebook with the picture so far.
        **changes: Recipe entries to change, e.g. ``size=1024, style_loss="gram"``.

    Returns:
        The painting; ``.save("out.png")`` writes it.

    Raises:
        ImpastoError: For pictures or options that cannot be used.
    """
    request = PaintRequest(
        as_source(content, "content"),
        as_style_inputs(style, shares, levels),
        _recipe(recipe, changes),
        _mask(mask),
        _mask(style_mask),
        as_regions(regions),
    )
    return _finish(
        request, RunOptions(device=device, memory=memory, max_pixels=max_pixels), progress
    )


def texture(
    style: AnyStyles,
    size: int | tuple[int, int] | str = 512,
    *,
    tileable: bool = False,
    recipe: str | Path | Recipe = "texture",
    shares: Sequence[float] | None = None,
    device: DeviceLike = "auto",
    memory: float | None = None,
    max_pixels: int = images.MAX_PIXELS,
    progress: bool = False,
    **changes: Any,
) -> Result:
    """Make a texture of a picture's style, from noise.

    Args:
        style: A picture's path, or a Pillow image; or several, mixed by ``shares``.
        size: Of the texture: (width, height), ``"1024x512"``, or the side of a square, in pixels.
        tileable: Whether opposite borders are to fit each other.
        recipe: A preset's name, the path of a TOML file, or a :class:`Recipe`.
        shares: Weights of several styles; equal by default.
        device: Where to paint, as for :func:`paint`.
        memory: Bytes that may be taken of the device's memory.
        max_pixels: Refuse larger pictures.
        progress: Show a progress bar, in a notebook with the picture so far.
        **changes: Recipe entries to change, e.g. ``style_scale=0.5``.

    Returns:
        The texture; ``.save("out.png")`` writes it.

    Raises:
        ImpastoError: For pictures or options that cannot be used.
    """
    canvas = parse_size(size)
    chosen = _recipe(recipe, {**changes, "size": max(canvas)})
    request = TextureRequest(as_style_inputs(style, shares), canvas, chosen, tileable)
    return _finish(
        request, RunOptions(device=device, memory=memory, max_pixels=max_pixels), progress
    )


def reconstruct(
    image: PictureLike,
    layer: str | Mapping[str, float] | None = None,
    *,
    style_layers: Iterable[str] | Mapping[str, float] | None = None,
    recipe: str | Path | Recipe = "reconstruction",
    device: DeviceLike = "auto",
    memory: float | None = None,
    max_pixels: int = images.MAX_PIXELS,
    progress: bool = False,
    **changes: Any,
) -> Result:
    """Make a picture again, from noise, from what some layers of an encoder know of it.

    Args:
        image: A picture's path, or a Pillow image.
        layer: From its content: the features of this layer, or of several with weights.
        style_layers: Or from its style: the statistics of these layers.
        recipe: A preset's name, the path of a TOML file, or a :class:`Recipe`.
        device: Where to paint, as for :func:`paint`.
        memory: Bytes that may be taken of the device's memory.
        max_pixels: Refuse a larger picture.
        progress: Show a progress bar, in a notebook with the picture so far.
        **changes: Recipe entries to change, e.g. ``size=256``.

    Returns:
        The reconstruction; ``.save("out.png")`` writes it.

    Raises:
        ImpastoError: For pictures or options that cannot be used.
    """
    if (layer is None) == (style_layers is None):
        raise OptionError(
            f"Name what to make the picture from: {option('layer')} (its content) or "
            f"{option('style_layers')} (its style)."
        )
    chosen = _recipe(recipe, changes)
    if style_layers is None:
        content = {layer: 1.0} if isinstance(layer, str) else layer
        request = ReconstructRequest(
            as_source(image), "content", chosen.replace(content_layers=content)
        )
    else:
        if not isinstance(style_layers, Mapping):
            names = list(style_layers)
            style_layers = dict.fromkeys(names, 1 / max(1, len(names)))
        request = ReconstructRequest(
            as_source(image), "style", chosen.replace(style_layers=style_layers)
        )
    return _finish(
        request, RunOptions(device=device, memory=memory, max_pixels=max_pixels), progress
    )


def stylize(
    content: PictureLike,
    style: AnyStyles = (),
    *,
    shares: Sequence[float] | None = None,
    model: str | Path | OnePassModel | None = None,
    size: int | None = None,
    mask: PictureLike | None = None,
    style_mask: PictureLike | None = None,
    regions: Sequence[str | RegionSpec] = (),
    device: DeviceLike = "auto",
    memory: float | None = None,
    max_pixels: int = images.MAX_PIXELS,
    depth: int = 8,
    **changes: Any,
) -> Result:
    """Paint a picture in one pass, in a fraction of a second.

    Args:
        content: A picture's path, or a Pillow image.
        style: A picture's path, a Pillow image, or the name of a model's style; or several, mixed
            by ``shares``; none if all that is painted are ``regions`` with styles of their own.
        shares: Weights of several styles; equal by default.
        model: Name or file of a one-pass model, or the model; chosen by the styles by default.
        size: Long side in pixels; the content's own by default.
        mask: Label picture of the content, one colour a region, with ``style_mask``.
        style_mask: Label picture of the style, in the same colours.
        regions: ``"sky=sky.png@monet.jpg"`` and the like, see :mod:`impasto.regions.masks`; with a
            model of named styles ``"sky=sky.png@starry-night"``.
        device: Where to paint, as for :func:`paint`.
        memory: Bytes that painting may take; two thirds of what is free by default.
        max_pixels: Refuse larger pictures and masks.
        depth: Bits a sample that the result will be saved with; very large pictures are held in 8
            bits unless this is 16.
        **changes: Entries of :class:`StylizeRequest`: strength, colour, colour_space,
            colour_match, feather, precision.

    Returns:
        The picture; ``.save("out.png")`` writes it.

    Raises:
        ImpastoError: For pictures or options that cannot be used.
    """
    own = model if isinstance(model, OnePassModel) else None
    request = StylizeRequest(
        as_source(content, "content"),
        as_style_inputs(style, shares),
        mask=_mask(mask),
        style_mask=_mask(style_mask),
        regions=as_regions(regions),
    ).replace(
        size=size or 0,
        model="(a model in memory)" if own is not None else str(model or ""),
        **changes,
    )
    options = RunOptions(device=device, memory=memory, max_pixels=max_pixels, depth=depth)
    return run(request, options, resources=Resources(model=own)).finish()


def _recipe(recipe: str | Path | Recipe, changes: Mapping[str, Any]) -> Recipe:
    base = recipe if isinstance(recipe, Recipe) else get_recipe(recipe)
    return base.replace(**changes)


def _mask(given: PictureLike | None) -> Source | None:
    return None if given is None else as_source(given, "mask")


def _finish(request: Request, options: RunOptions, progress: bool) -> Result:
    return watch(request, options) if progress else run(request, options).finish()

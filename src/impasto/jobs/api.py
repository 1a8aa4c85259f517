"""The Python interface: one call a picture."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto import images
from impasto.errors import OptionError, option
from impasto.jobs.display import PREVIEW_SECONDS, Callback, watch
from impasto.jobs.events import Event, Note
from impasto.jobs.inputs import AnyPicture, AnyStyles, as_regions, as_source, as_style_inputs
from impasto.jobs.requests import (
    PaintRequest,
    ReconstructRequest,
    Source,
    StylizeRequest,
    TextureRequest,
)
from impasto.jobs.resources import Resources
from impasto.jobs.results import Result
from impasto.jobs.run import RunOptions, run
from impasto.jobs.video_request import AnyRequest
from impasto.networks.model import OnePassModel
from impasto.painting.texture import parse_size
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import Recipe
from impasto.regions.masks import RegionSpec
from impasto.runtime.devices import DeviceLike
from impasto.runtime.entries_text import lists_entries
from impasto.runtime.fields import is_number
from impasto.runtime.memory import parse_bytes

_LOGGER = logging.getLogger("impasto")


@lists_entries(
    Recipe,
    "Recipe entries",
    'The defaults are those of the recipe "default"; another recipe has its own.',
)
def paint(
    content: AnyPicture,
    style: AnyStyles = (),
    *,
    recipe: str | Path | Recipe = "default",
    shares: Sequence[float] | None = None,
    levels: Sequence[str] | None = None,
    mask: AnyPicture | None = None,
    style_mask: AnyPicture | None = None,
    regions: Sequence[str | RegionSpec] = (),
    device: DeviceLike = "auto",
    memory: float | str | None = None,
    max_pixels: int = images.MAX_PIXELS,
    progress: bool = False,
    callback: Callback | None = None,
    **changes: Any,
) -> Result:
    """Paint a content picture in the style of another picture.

    Args:
        content: A path; a Pillow image; a NumPy array (H, W, 3), (H, W, 4) or (H, W), or a tensor
            (3, H, W) or (1, 3, H, W), sRGB in uint8 or in floats from 0 to 1; a picture from
            :func:`impasto.read_image`; or a result.
        style: A picture of the same kinds; or several, mixed by ``shares``; or a dict of paths
            with their weights; none if all that is painted are ``regions`` with styles of
            their own.
        recipe: A preset's name, the path of a TOML file, or a :class:`Recipe`.
        shares: Weights of several styles; equal by default.
        levels: ``"coarse"`` or ``"fine"`` for each style, or ``""``: which layers compare it, the
            deep ones (large forms), the shallow ones (brushwork), or all.
        mask: Label picture of the content, one colour a region, with ``style_mask``.
        style_mask: Label picture of the style, in the same colours.
        regions: ``"sky=sky.png@monet.jpg"`` and the like, see :mod:`impasto.regions.specs`; or
            :class:`impasto.RegionSpec` s, whose masks may be arrays.
        device: Where to paint: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"xpu"`` or ``"mps"``; the
            first GPU by default, else the CPU.
        memory: Bytes that may be taken of the device's memory, or a text such as ``"2GB"``; two
            thirds of what is free by default.
        max_pixels: Refuse larger pictures and masks.
        progress: Show a progress bar, in a notebook with the picture so far.
        callback: Called with every event (:mod:`impasto.jobs.events`): ``Progress`` after each
            step, ``Preview`` with the picture so far, ``Note``. If it returns False, the painting
            stops after the current step, and what was painted until then is returned.
        **changes: Recipe entries to change, e.g. ``size=1024, style_loss="gram"``; listed below.

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
    options = run_options(device, memory, max_pixels)
    return finish_run(request, options, progress, callback)


@lists_entries(
    Recipe,
    "Recipe entries",
    'The defaults are those of the recipe "default"; "texture" has some of its own.',
)
def texture(
    style: AnyStyles,
    size: int | tuple[int, int] | str = 512,
    *,
    tileable: bool = False,
    recipe: str | Path | Recipe = "texture",
    shares: Sequence[float] | None = None,
    device: DeviceLike = "auto",
    memory: float | str | None = None,
    max_pixels: int = images.MAX_PIXELS,
    progress: bool = False,
    callback: Callback | None = None,
    **changes: Any,
) -> Result:
    """Make a texture of a picture's style, from noise.

    Args:
        style: A picture, as for :func:`paint`; or several, mixed by ``shares``; or a dict of
            paths with their weights.
        size: Of the texture: (width, height), ``"1024x512"``, or the side of a square, in pixels.
        tileable: Whether opposite borders are to fit each other.
        recipe: A preset's name, the path of a TOML file, or a :class:`Recipe`.
        shares: Weights of several styles; equal by default.
        device: Where to paint, as for :func:`paint`.
        memory: Bytes that may be taken of the device's memory.
        max_pixels: Refuse larger pictures.
        progress: Show a progress bar, in a notebook with the picture so far.
        callback: Called with every event (:mod:`impasto.jobs.events`): ``Progress`` after each
            step, ``Preview`` with the picture so far, ``Note``. If it returns False, the painting
            stops after the current step, and what was painted until then is returned.
        **changes: Recipe entries to change, e.g. ``style_scale=0.5``; listed below.

    Returns:
        The texture; ``.save("out.png")`` writes it.

    Raises:
        ImpastoError: For pictures or options that cannot be used.
    """
    canvas = parse_size(size)
    chosen = _recipe(recipe, {**changes, "size": max(canvas)})
    request = TextureRequest(as_style_inputs(style, shares), canvas, chosen, tileable)
    options = run_options(device, memory, max_pixels)
    return finish_run(request, options, progress, callback)


@lists_entries(
    Recipe,
    "Recipe entries",
    'The defaults are those of the recipe "default"; "reconstruction" has some of its own.',
)
def reconstruct(
    image: AnyPicture,
    layer: str | Mapping[str, float] | None = None,
    *,
    style_layers: Iterable[str] | Mapping[str, float] | None = None,
    recipe: str | Path | Recipe = "reconstruction",
    device: DeviceLike = "auto",
    memory: float | str | None = None,
    max_pixels: int = images.MAX_PIXELS,
    progress: bool = False,
    callback: Callback | None = None,
    **changes: Any,
) -> Result:
    """Make a picture again, from noise, from what some layers of an encoder know of it.

    Args:
        image: A picture, as for :func:`paint`.
        layer: From its content: the features of this layer, or of several with weights.
        style_layers: Or from its style: the statistics of these layers.
        recipe: A preset's name, the path of a TOML file, or a :class:`Recipe`.
        device: Where to paint, as for :func:`paint`.
        memory: Bytes that may be taken of the device's memory.
        max_pixels: Refuse a larger picture.
        progress: Show a progress bar, in a notebook with the picture so far.
        callback: Called with every event (:mod:`impasto.jobs.events`): ``Progress`` after each
            step, ``Preview`` with the picture so far, ``Note``. If it returns False, the painting
            stops after the current step, and what was painted until then is returned.
        **changes: Recipe entries to change, e.g. ``size=256``; listed below.

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
    options = run_options(device, memory, max_pixels)
    return finish_run(request, options, progress, callback)


@lists_entries(StylizeRequest, "Entries")
def stylize(
    content: AnyPicture,
    style: AnyStyles = (),
    *,
    shares: Sequence[float] | None = None,
    model: str | Path | OnePassModel | None = None,
    size: int | None = None,
    mask: AnyPicture | None = None,
    style_mask: AnyPicture | None = None,
    regions: Sequence[str | RegionSpec] = (),
    device: DeviceLike = "auto",
    memory: float | str | None = None,
    max_pixels: int = images.MAX_PIXELS,
    depth: int = 8,
    progress: bool = False,
    **changes: Any,
) -> Result:
    """Paint a picture in one pass, in a fraction of a second.

    Args:
        content: A picture, as for :func:`paint`.
        style: A picture, as for :func:`paint`, or the name of a model's style; or several, mixed
            by ``shares``; or a dict of paths or names with their weights; none if all that is
            painted are ``regions`` with styles of their own.
        shares: Weights of several styles; equal by default.
        model: Name or file of a one-pass model, or the model; chosen by the styles by default.
        size: Long side in pixels; the content's own by default.
        mask: Label picture of the content, one colour a region, with ``style_mask``.
        style_mask: Label picture of the style, in the same colours.
        regions: ``"sky=sky.png@monet.jpg"`` and the like, see :mod:`impasto.regions.specs`; with a
            model of named styles ``"sky=sky.png@starry-night"``.
        device: Where to paint, as for :func:`paint`.
        memory: Bytes that painting may take; two thirds of what is free by default.
        max_pixels: Refuse larger pictures and masks.
        depth: Bits a sample that the result will be saved with; very large pictures are held in 8
            bits unless this is 16.
        progress: Show a progress bar.
        **changes: Entries of :class:`impasto.StylizeRequest` to change, listed below.

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
    options = run_options(device, memory, max_pixels, depth)
    return finish_run(request, options, progress, resources=Resources(model=own))


def run_options(
    device: DeviceLike, memory: float | str | None, max_pixels: int, depth: int = 8
) -> RunOptions:
    """The options of a run by what callers give."""
    if memory is not None and not is_number(memory):
        memory = parse_bytes(str(memory))
    return RunOptions(
        device=device,
        memory=None if memory is None else float(memory),
        max_pixels=max_pixels,
        depth=depth,
    )


def _recipe(recipe: str | Path | Recipe, changes: Mapping[str, Any]) -> Recipe:
    base = recipe if isinstance(recipe, Recipe) else get_recipe(recipe)
    return base.replace(**changes)


def _mask(given: AnyPicture | None) -> Source | None:
    return None if given is None else as_source(given, "mask")


def finish_run(
    request: AnyRequest,
    options: RunOptions,
    progress: bool,
    callback: Callback | None = None,
    resources: Resources | None = None,
) -> Result:
    """Run a request to the end. Notes are printed below a bar, or logged as warnings."""
    if callback is not None:
        options = dataclasses.replace(options, preview_seconds=PREVIEW_SECONDS)
    if progress:
        return watch(request, options, resources=resources, callback=callback)

    def listen(event: Event) -> None:
        if isinstance(event, Note):
            _LOGGER.warning("%s", event.text)
        if callback is not None and callback(event) is False:
            running.stop()

    running = run(request, options, resources=resources, listener=listen)
    return running.finish()

"""The Python interface: one call a clip."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto import images
from impasto.errors import unknown_name
from impasto.jobs.api import finish_run, run_options
from impasto.jobs.display import Callback
from impasto.jobs.inputs import AnyStyles, as_regions, as_style_inputs
from impasto.jobs.requests import StylizeRequest
from impasto.jobs.resources import Resources
from impasto.jobs.video_request import COMMON, Encoding, VideoRequest, parse_keyframes
from impasto.networks.model import OnePassModel
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import Recipe
from impasto.regions.masks import RegionSpec
from impasto.runtime.devices import DeviceLike
from impasto.runtime.entries_text import lists_entries
from impasto.runtime.fields import entries, typed_changes
from impasto.video.result import VideoResult


@lists_entries(StylizeRequest, "Entries of frames")
@lists_entries(VideoRequest, "Entries of clips")
@lists_entries(Encoding, "Entries of files")
def stylize_video(
    clip: str | Path,
    style: AnyStyles,
    output: str | Path,
    *,
    shares: Sequence[float] | None = None,
    at: Mapping[float, str] | None = None,
    model: str | Path | OnePassModel | None = None,
    recipe: Recipe | str | Path | None = None,
    size: int | None = None,
    mask: str | Path | None = None,
    style_mask: str | Path | None = None,
    regions: Sequence[str | RegionSpec] = (),
    device: DeviceLike = "auto",
    memory: float | str | None = None,
    max_pixels: int = images.MAX_PIXELS,
    resume: bool = False,
    progress: bool = False,
    callback: Callback | None = None,
    **changes: Any,
) -> VideoResult:
    """Paint a clip frame by frame, in one pass or by optimization, with its sound and times.

    Args:
        clip: A video, an animation (GIF, APNG, WebP) or a folder of frames.
        style: As for :func:`impasto.stylize`.
        output: A video, an animation or a folder for frames, by its ending. A file is replaced.
        shares: Weights of several styles; equal by default.
        at: Seconds → styles and strength then, such as ``{0: "great-wave", 4: "scream@0.5"}``.
        model: Name or file of a one-pass model, or the model; chosen by the styles by default.
        recipe: Paint by optimization with it, a preset's name or a file; in one pass by default.
        size: Long side in pixels; the clip's own by default.
        mask: Label picture of the frames, one colour a region, with ``style_mask``.
        style_mask: Label picture of the style, in the same colours.
        regions: As for :func:`impasto.stylize`; a mask may be a clip in black and white.
        device: Where to paint.
        memory: Bytes that painting may take; two thirds of what is free by default.
        max_pixels: Refuse larger frames and masks.
        resume: Go on after what a run that was stopped has kept.
        progress: Show a progress bar.
        callback: Called with every event; the run stops after the frame if it returns False.
        **changes: Entries of :class:`impasto.VideoRequest`, :class:`impasto.StylizeRequest` and
            of the file, e.g. ``end=5, steady=0.5, strength=0.8, crf=20``; listed below.

    Returns:
        Path and number of frames; the picture is the last frame.

    Raises:
        ImpastoError: For a clip, styles or options that cannot be used.
    """
    own = model if isinstance(model, OnePassModel) else None
    of_clip, of_frames, of_file = _sorted(changes)
    if recipe is not None:  # what both have, the recipe sets unless a change does
        recipe = recipe if isinstance(recipe, Recipe) else get_recipe(recipe)
        of_frames = {name: getattr(recipe, name) for name in COMMON} | of_frames
    picture = StylizeRequest(
        str(clip),
        as_style_inputs(style, shares),
        mask=None if mask is None else str(mask),
        style_mask=None if style_mask is None else str(style_mask),
        regions=as_regions(regions),
    ).replace(
        size=size or 0,
        model="(a model in memory)" if own is not None else str(model or ""),
        **of_frames,
    )
    words = [f"{seconds:f}={look}" for seconds, look in (at or {}).items()]
    of_clip = typed_changes(VideoRequest, of_clip, "option")
    request = VideoRequest(picture, keyframes=parse_keyframes(words), recipe=recipe, **of_clip)
    options = dataclasses.replace(
        run_options(device, memory, max_pixels),
        output=Path(output),
        encoding=Encoding(**typed_changes(Encoding, of_file, "option")),
        resume=resume,
    )
    result = finish_run(request, options, progress, callback, Resources(model=own))
    assert isinstance(result, VideoResult)
    return result


def _sorted(changes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The changes of the clip, of its frames and of its file."""
    kinds = (VideoRequest, StylizeRequest, Encoding)
    known = {name for kind in kinds for name in entries(kind)}
    for name in changes:
        if name not in known:
            raise unknown_name("option", name, known)
    return [{n: v for n, v in changes.items() if n in entries(kind)} for kind in kinds]

"""The painter of a clip: its styles read once, its keyframes, its regions."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Sequence
from fractions import Fraction

import torch
from torch import Tensor

from impasto.colour.modes import get_colour_mode
from impasto.images.picture import Picture, fit_size, resize
from impasto.jobs.requests import StyleInput, StylizeRequest
from impasto.jobs.resources import Resources
from impasto.jobs.run import Run
from impasto.jobs.video_request import Keyframe, VideoRequest
from impasto.onepass.stylizer import StyleSource, Stylizer, choose_model
from impasto.video.clip import Clip, selected
from impasto.video.moving_masks import ClipRegions
from impasto.video.painted_frames import PaintedFrames, Settings
from impasto.video.painters import PAINTERS, FrameByFrame, FramePainter, KeptRegions
from impasto.video.timeline import Timeline

_SAMPLES, _SAMPLE_SIDE = 6, 256
"""Frames from all over a clip whose colours a style is matched to, and their long side."""


def common_request(request: VideoRequest) -> StylizeRequest:
    """How every frame is painted, with one model for the styles of all keyframes.

    Raises:
        OptionError: If no model has all styles.
    """
    picture, keyframes = request.picture, request.keyframes
    if not keyframes or not request.styles:
        return picture
    own = [keyframe.styles for keyframe in keyframes if keyframe.styles]
    styles = picture.styles or (own[0] if own else ())
    model = picture.model or choose_model([StyleSource(style.source) for style in request.styles])
    return dataclasses.replace(picture, styles=styles, model=model)


def clip_painter(
    run: Run,
    request: VideoRequest,
    clip: Clip,
    regions: ClipRegions,
    settings: Settings | None = None,
) -> FramePainter:
    """What paints the frames of a clip.

    Args:
        run: Whose request this is.
        request: The request.
        clip: The clip.
        regions: Of the frames.
        settings: How frames are painted by optimization; None: they are painted in one pass.
    """
    picture = common_request(request)
    stylizer = stylizer_of(run, picture)
    sample: Picture | None = None
    if get_colour_mode(picture.colour).recolours:
        sample = _sample(request, clip).to(run.device)
    vector = _vector(stylizer, picture.styles, sample)
    vectors = [_keyframe_vector(run, picture, k, sample) for k in request.keyframes]
    timeline = Timeline(
        request.keyframes,
        vectors,
        vector=vector,
        strength=picture.strength,
        ease=request.ease,
    )
    single: FramePainter = FrameByFrame(stylizer, timeline, regions=regions)
    painter = single
    if settings is not None:
        painter = PaintedFrames(single, settings, regions=regions)
    for place in PAINTERS.values():
        module, _, name = place.partition(":")
        painter = getattr(importlib.import_module(module), name)(painter, request, run.device)
    return painter if painter is single else KeptRegions(painter, regions)


def stylizer_of(run: Run, picture: StylizeRequest) -> Stylizer:
    """The styles of a request, opened once in a run."""
    resources: Resources = run.resources
    return resources.stylizer(
        picture,
        memory=run.options.memory,
        max_pixels=run.options.max_pixels,
        device=run.device,
    )


def _keyframe_vector(
    run: Run, picture: StylizeRequest, keyframe: Keyframe, sample: Picture | None
) -> Tensor | None:
    if not keyframe.styles:
        return None
    own = dataclasses.replace(picture, styles=keyframe.styles)
    return _vector(stylizer_of(run, own), keyframe.styles, sample)


def _vector(
    stylizer: Stylizer, styles: Sequence[StyleInput], sample: Picture | None
) -> Tensor | None:
    if not styles:
        return None
    return stylizer.vector if sample is None else stylizer.vector_for(sample)


def _sample(request: VideoRequest, clip: Clip) -> Picture:
    """Frames from all over the clip, side by side: the colours that a style is matched to.

    Matched to every frame by itself, the colours of a painted clip would flicker.
    """
    seconds = (request.end or clip.info.seconds) - request.start
    small = fit_size(clip.info.size, _SAMPLE_SIDE, max_enlarge=1.0)
    start, parts = Fraction(request.start), []
    for number in range(_SAMPLES):
        begin = Fraction(max(0.0, seconds) * number / _SAMPLES).limit_denominator(1000)
        frames = selected(clip, start=start + begin, end=None, fps=None)
        found = next(frames, None)
        frames.close()  # type: ignore[attr-defined]
        if found is not None:
            parts.append(resize(found[1].read()[0], small))
    return Picture(torch.cat(parts, -1))

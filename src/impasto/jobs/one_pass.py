"""Requests that are run in one pass, by a trained network."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from impasto.errors import OptionError, option
from impasto.jobs.events import Event, Finished, Note, Planned, Progress
from impasto.jobs.requests import StylizeRequest
from impasto.jobs.results import Result
from impasto.jobs.sources import check_short_side, frame_notes
from impasto.onepass.stroke_size import stroke_share
from impasto.onepass.stylizer import StyleSource, Stylizer
from impasto.regions.regions import read_regions, style_name_of
from impasto.runtime.device_memory import peak_bytes
from impasto.runtime.interrupts import interruptible

if TYPE_CHECKING:
    from impasto.jobs.run import Run

_STROKES_APART = 0.1
"""Difference of the strokes' size from what was asked for, as a share, that is worth a note."""


def stylize(run: Run) -> Iterator[Event]:
    """A picture painted by a one-pass network."""
    request, options = run.request, run.options
    assert isinstance(request, StylizeRequest)
    limit = options.max_pixels
    stylizer = run.resources.stylizer(
        request, memory=options.memory, max_pixels=limit, device=run.device
    )
    check_regions(request, stylizer)
    picture = run.resources.picture(request, max_pixels=limit, depth=options.depth)
    run.source = picture.info
    yield from frame_notes(request.content, picture)
    check_short_side(request.content, picture, stylizer.model.network.stride + 1)
    for style in stylizer.pictures:
        if style.path is not None and run.resources.is_first_use(style.path):
            yield from frame_notes(str(style.path), style)
    yield from stroke_notes(picture.size, request.style_scale, stylizer.painter.least_side)
    regions_named = len(request.regions) + 1 if request.regions else 2 * bool(request.mask)
    needed = stylizer.bytes_needed(picture, regions=regions_named, depth=options.depth)
    yield Planned((picture.size,), (1,), bytes=needed, device=str(run.device))
    holds_bytes = stylizer.holds_bytes(picture, regions=regions_named, depth=options.depth)
    if holds_bytes:
        picture = picture.as_uint8()
    regions, notices = read_regions(
        picture,
        stylizer.pictures,
        mask=request.mask,
        style_mask=request.style_mask,
        regions=request.regions,
        blur=request.feather,
        max_pixels=limit,
        style_names=stylizer.names,
        has_styles=bool(request.styles),
        as_levels=holds_bytes,
    )
    yield from map(Note, notices)
    run.inputs = {"content": picture}
    started = time.perf_counter()
    with interruptible():
        painted = stylizer.paint(
            picture,
            regions=regions,
            depth=options.depth,
            progress=partial(_emit_share, run, picture.size, started),
        )
    painted = painted.cpu()
    seconds = time.perf_counter() - started
    peak = peak_bytes(run.device) if options.record_memory else None
    yield Progress(1.0, seconds, 0.0, picture.size)
    result = Result(painted, picture.alpha, request, seconds, peak_bytes=peak, source=picture.info)
    yield Finished(result)


def stroke_notes(size: tuple[int, int], style_scale: float, least: int) -> Iterator[Note]:
    """A note if strokes cannot be as large or as fine as they are asked for.

    Args:
        size: Height and width of the picture.
        style_scale: Of the request.
        least: Smallest side that the network can paint.
    """
    share = stroke_share(size, style_scale, least)
    if abs(share - 1) > _STROKES_APART:
        yield Note(
            f"Strokes in a picture of {size[1]}×{size[0]} px are {share:.0%} as large as "
            f"{option('style_scale')} asks for."
        )


def check_regions(request: StylizeRequest, stylizer: Stylizer) -> None:
    """Refuse what only a model for any style can do, with those whose styles have names.

    Raises:
        OptionError: If a region's style cannot be painted by the model of the request's styles.
    """
    for region in request.regions:
        source = None if region.style is None else StyleSource(region.style)
        if source is not None and source.is_name and not style_name_of(region, stylizer.names):
            if not stylizer.names:
                raise OptionError(
                    f"The region {region.name} names {source.source}, which is no file: styles "
                    f"known by name need a {option('style')} known by name, too."
                )
            stylizer.named_style(str(source.source))  # the error lists the names that there are
    if stylizer.model.predictor is not None and (stylizer.pictures or not request.styles):
        return
    if request.style_mask:
        raise OptionError(
            f"{option('style_mask')} is of a style picture: give {option('style')} a picture's "
            "path, and no name."
        )
    styled = [region for region in request.regions if region.style is not None]
    if not all(style_name_of(region, stylizer.names) for region in styled):
        raise OptionError(
            f"A region can have a style picture of its own if {option('style')} is a picture, "
            "too, and no name: pictures and named styles are painted by different models."
        )


def _emit_share(run: Run, size: tuple[int, int], started: float, share: float) -> None:
    seconds = time.perf_counter() - started
    left = seconds * (1 - share) / share if share else None
    run.emit(Progress(share, seconds, left, size))

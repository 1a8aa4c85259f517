"""Requests that are run by optimization: paintings, textures, reconstructions."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Generator, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from torch import Tensor

from impasto.images.picture import Picture
from impasto.jobs.advice import structure_advice
from impasto.jobs.checkpoints import load_checkpoint, save_checkpoint
from impasto.jobs.events import Event, Finished, Note, Planned, Preview, Progress
from impasto.jobs.figure import Figure
from impasto.jobs.initial_image import open_initial_image
from impasto.jobs.requests import (
    PaintRequest,
    ReconstructRequest,
    StyleInput,
    TextureRequest,
)
from impasto.jobs.results import Result, Row, as_row
from impasto.jobs.sources import (
    check_short_side,
    content_notes,
    frame_notes,
    read_styles,
    size_when_read,
    style_notes,
)
from impasto.optim.loop import Step
from impasto.painting.cost_model import check_canvas, check_pixels
from impasto.painting.estimate import Estimate, estimate, keep_speed, known_forecast
from impasto.painting.objective_builder import Style
from impasto.painting.pace import Pace
from impasto.painting.painter import Painter
from impasto.painting.reconstruction import reconstruction
from impasto.painting.texture import TexturePainter
from impasto.recipes.recipe import Recipe
from impasto.regions.regions import read_regions
from impasto.runtime.device_memory import base_bytes, free_bytes, peak_bytes
from impasto.runtime.devices import CPU
from impasto.runtime.interrupts import NOTICE, StepAbandoned, StopRequest, stop_on_interrupt

if TYPE_CHECKING:
    from impasto.jobs.run import Run


def paint(run: Run) -> Iterator[Event]:
    """A content picture painted in the style of other pictures."""
    request = run.request
    assert isinstance(request, PaintRequest)
    size = request.recipe.size
    _check_size(run, size_when_read(request.content, size))
    content = run.resources.content(request.content, size, run.options.max_pixels)
    yield from _content_read(run, content, size)
    painter = yield from _painter(run, request, content)
    least = painter.encoder.minimum_side(request.recipe.layers)
    check_short_side(request.content, content, least)
    _name_inputs(run, painter, request.styles, {"content": content})
    yield from _optimize(run, painter, content)


def _painter(run: Run, request: PaintRequest, content: Picture) -> Generator[Event, None, Painter]:
    """The painter; the style pictures as they were read are not kept beyond this."""
    recipe, options = request.recipe, run.options
    styles = yield from _styles(run, request.styles, recipe, max(content.size))
    regions, notices = read_regions(
        content,
        [style.picture for style in styles],
        mask=request.mask,
        style_mask=request.style_mask,
        regions=request.regions,
        blur=recipe.feather,
        max_pixels=options.max_pixels,
        has_styles=bool(styles),
    )
    yield from map(Note, notices)
    return Painter(
        content,
        styles,
        recipe,
        regions=regions,
        encoder=run.resources.encoder(recipe, run.device),
        memory=options.memory,
        device=run.device,
        initial_image=open_initial_image(recipe, max_pixels=options.max_pixels),
    )


def texture(run: Run) -> Iterator[Event]:
    """A texture of style pictures, from noise."""
    request = run.request
    assert isinstance(request, TextureRequest)
    check_pixels(request.size, run.options.max_pixels)
    _check_size(run, request.size)
    styles = yield from _styles(run, request.styles, request.recipe, max(request.size))
    painter = TexturePainter(
        styles,
        request.size,
        request.recipe,
        tileable=request.tileable,
        encoder=run.resources.encoder(request.recipe, run.device),
        memory=run.options.memory,
        device=run.device,
    )
    height, width = painter.stages[-1].size
    if (height, width) != request.size:
        yield Note(f"rounded to {width}×{height} px, which tiles")
    _name_inputs(run, painter, request.styles, {})
    yield from _optimize(run, painter)


def reconstruct(run: Run) -> Iterator[Event]:
    """A picture from the features or the statistics of some layers, or the figure of both."""
    request, options = run.request, run.options
    assert isinstance(request, ReconstructRequest)
    recipe = request.recipe
    _check_size(run, size_when_read(request.content, recipe.size))
    picture = run.resources.content(request.content, recipe.size, options.max_pixels)
    yield from _content_read(run, picture, recipe.size)
    run.inputs = {"content": picture}
    if request.source == "figure":
        yield from _figure(run, picture)
        return
    of_content = recipe.content_layers if request.source == "content" else None
    of_style = recipe.style_layers if request.source == "style" else None
    encoder = run.resources.encoder(recipe, run.device)
    painter = reconstruction(
        picture,
        recipe,
        of_content,
        of_style,
        encoder=encoder,
        memory=options.memory,
        device=run.device,
    )
    yield from _optimize(run, painter)


def _check_size(run: Run, size: tuple[int, int]) -> None:
    """Refuse a size that is too large for the memory, before anything is made.

    Raises:
        OptionError: If it is.
    """
    assert isinstance(run.request, (PaintRequest, TextureRequest, ReconstructRequest))
    budget = free_bytes(run.device) if run.options.memory is None else run.options.memory
    check_canvas(size, run.request.recipe.optimizer, budget, base=base_bytes(run.device))


def _content_read(run: Run, picture: Picture, size: int) -> Iterator[Note]:
    """Keep what the content's file says; notes on what was read."""
    request = run.request
    assert isinstance(request, (PaintRequest, ReconstructRequest))
    run.source = picture.info
    yield from content_notes(request.content, picture, size)


def _styles(
    run: Run, inputs: tuple[StyleInput, ...], recipe: Recipe, long_side: int
) -> Generator[Event, None, list[Style]]:
    sources = [style.source for style in inputs]
    pictures = read_styles(sources, recipe, long_side, max_pixels=run.options.max_pixels)
    for source, picture in zip(sources, pictures, strict=True):
        yield from frame_notes(source, picture)
        yield from style_notes(source, picture, round(long_side * recipe.style_scale))
    return [
        Style(picture, style.weight or 1.0, style.level)
        for picture, style in zip(pictures, inputs, strict=True)
    ]


def _name_inputs(
    run: Run, painter: Painter, styles: tuple[StyleInput, ...], others: Mapping[str, Picture]
) -> None:
    """The pictures as they are used: styles in the colours that the recipe gives them."""
    pictures = [style.picture.to(CPU) for style in painter.styles]
    run.inputs = {**others, **dict(zip(map(str, styles), pictures, strict=True))}


def _optimize(run: Run, painter: Painter, alpha_of: Picture | None = None) -> Iterator[Event]:
    """Make a painter's steps, with checkpoints, recorders and previews.

    Args:
        run: Whose request this is.
        painter: Fresh.
        alpha_of: The picture whose opacity the result gets.
    """
    options = run.options
    alpha = None if alpha_of is None else alpha_of.alpha
    run.attach_recorders(painter.stages, alpha)
    frames = {name: recorder.frames for name, recorder in run.recorders.items()}
    losses: list[Row] = []
    path = options.checkpoint
    if path is not None:
        save = partial(save_checkpoint, path, painter, losses, frames)
        run.use_checkpoints(save, lambda: painter.state_bytes)
        losses += yield from run.resumed(partial(load_checkpoint, path, painter, frames))
    cost = estimate(painter) if options.estimate else None
    yield _planned(painter, cost)
    pace = Pace(
        painter.stages, cost.forecast if cost else known_forecast(painter), painter.position
    )
    # Signals are handled until whoever reads the events has saved the result.
    with _interrupts(run) as interrupt:
        yield from _steps(run, painter, losses, alpha_of, interrupt, pace)
        is_resumable = False
        if not painter.done:
            is_resumable = yield from _last_checkpoint(run, painter)
        result = _result(run, painter, losses, alpha_of)
        yield from _advice(run, result, alpha_of)
        yield Finished(result, is_resumable)


def _advice(run: Run, result: Result, content: Picture | None) -> Iterator[Note]:
    """A note on what keeps more of the photograph, once for all runs with the same resources."""
    if content is None or not result.is_finished or not isinstance(run.request, PaintRequest):
        return
    advice = structure_advice(run.request, result.tensor, content)
    if advice and run.resources.is_first_use("structure advice"):
        yield Note(advice)


def _steps(
    run: Run,
    painter: Painter,
    losses: list[Row],
    alpha_of: Picture | None,
    interrupt: StopRequest,
    pace: Pace,
) -> Iterator[Event]:
    """The steps still to be made, as events; rows are added to ``losses``."""
    options = run.options
    before = losses[-1]["seconds"] if losses else 0.0
    previewed = time.monotonic()
    try:
        for step in painter:
            progress = _progress(painter, step, before, pace)
            losses.append(as_row(step, seconds_before=before))
            run.result_so_far = partial(_result, run, painter, losses, alpha_of)
            yield progress
            if step.note:
                yield Note(step.note)
            yield from _record(run, painter, progress.number, step.image)
            if (interrupt.made or run.should_stop) and not painter.done:
                break
            now = time.monotonic()
            if options.preview_seconds is not None and now - previewed > options.preview_seconds:
                previewed = now
                yield Preview(painter.finished(step.image))
            if not painter.done:
                yield from run.write_checkpoint_if_due(progress)
    except StepAbandoned:
        if not losses:
            raise  # there is no picture yet


def _interrupts(run: Run) -> contextlib.AbstractContextManager[StopRequest]:
    if run.options.handle_interrupt:
        return stop_on_interrupt(NOTICE if run.options.acknowledge_interrupt else "")
    return contextlib.nullcontext(StopRequest())


def _progress(painter: Painter, step: Step, before: float, pace: Pace) -> Progress:
    pace.add(step.stage, step.step, step.seconds)
    if painter.done:
        keep_speed(painter, pace, step.seconds)
    return Progress(
        share=pace.share,
        seconds=before + step.seconds,
        seconds_left=pace.seconds_left,
        size=step.size,
        step=step.step,
        of=step.of,
        number=sum(stage.steps for stage in painter.stages[: step.stage]) + step.step,
        losses=step.losses,
    )


def _record(run: Run, painter: Painter, number: int, image: Tensor) -> Iterator[Note]:
    due = [recorder for recorder in run.recorders.values() if recorder.is_due(number)]
    if due:
        picture = painter.finished(image)
        for recorder in due:
            yield from run.attempt(partial(recorder.take, number, picture))


def _planned(painter: Painter, cost: Estimate | None) -> Planned:
    return Planned(
        sizes=tuple(stage.size for stage in painter.stages),
        steps=tuple(stage.steps for stage in painter.stages),
        seconds=cost.seconds if cost else None,
        bytes=painter.objective_builder.peak_bytes(painter.stages[-1].size),
        tile_side=painter.objective_builder.side(painter.stages[-1].size),
        longest_side=painter.objective_builder.longest_side(),
        device=str(painter.device),
    )


def _result(run: Run, painter: Painter, losses: list[Row], alpha_of: Picture | None) -> Result:
    height, width = painter.image.shape[-2:]
    return Result(
        painter.picture.cpu(),
        None if alpha_of is None else alpha_of.resized((height, width)).alpha,
        run.request,
        losses[-1]["seconds"] if losses else 0.0,
        list(losses),
        peak_bytes(run.device) if run.options.record_memory else None,
        is_finished=painter.done,
        source=run.source,
    )


def _figure(run: Run, picture: Picture) -> Iterator[Event]:
    """Reconstructions at every depth on one sheet; if stopped, the panels so far."""
    figure, path = Figure(run, picture), run.options.checkpoint
    if path is not None:
        run.use_checkpoints(partial(figure.save, path), lambda: figure.painter.state_bytes)
        yield from run.resumed(partial(figure.load, path))
    yield _planned(figure.painter, None)
    with _interrupts(run) as interrupt:
        yield from _panels(run, figure, interrupt)
        is_resumable = False
        if not figure.is_finished:
            is_resumable = yield from _last_checkpoint(run, figure.painter)
        result = Result(
            figure.sheet(), None, run.request, round(figure.seconds, 3),
            is_finished=figure.is_finished,
        )  # fmt: skip
        yield Finished(result, is_resumable)


def _panels(run: Run, figure: Figure, interrupt: StopRequest) -> Iterator[Event]:
    """The steps still to be made of all panels, as events."""
    try:
        while not figure.is_finished:
            painter, before = figure.painter, figure.seconds
            yield Note(figure.label)
            pace = Pace(painter.stages, known_forecast(painter), painter.position)
            for step in painter:
                progress = _progress(painter, step, 0.0, pace)
                count = len(figure.panels)
                progress = _of_panel(progress, figure.label, figure.number, count, before)
                figure.seconds = before + step.seconds
                yield progress
                if (interrupt.made or run.should_stop) and not painter.done:
                    return
                yield from run.write_checkpoint_if_due(progress)
            figure.next_panel()
    except StepAbandoned:
        if not figure.has_begun:
            raise  # there is no picture yet


def _last_checkpoint(run: Run, painter: Painter) -> Generator[Event, None, bool]:
    """Write a checkpoint of work that was stopped; whether there is one."""
    if run.checkpoints is None:
        return False
    # After half a step there is no state to write, but an older checkpoint.
    if painter.is_between_steps:
        yield from run.attempt(run.checkpoints.write)
    return run.checkpoints.is_kept


def _of_panel(progress: Progress, label: str, number: int, count: int, before: float) -> Progress:
    """The progress of one panel as that of the whole figure."""
    share, seconds = (number + progress.share) / count, before + progress.seconds
    left = seconds * (1 - share) / max(share, 1e-9)
    return dataclasses.replace(
        progress, share=share, seconds=seconds, seconds_left=left, label=label
    )

"""``run(VideoRequest(...))``: a clip read, painted and written, with the events of every run."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor

from impasto import images
from impasto.errors import ImpastoError, InputDataError, OptionError, option
from impasto.images.picture import Picture, fit_size, resize
from impasto.jobs.events import Event, Finished, Note, Planned, Preview, Progress
from impasto.jobs.one_pass import check_regions, stroke_notes
from impasto.jobs.run import Run
from impasto.jobs.sources import enlargement_note
from impasto.jobs.video_request import VideoRequest
from impasto.runtime.interrupts import (
    NOTICE,
    StepAbandoned,
    StopRequest,
    interruptible,
    stop_on_interrupt,
)
from impasto.video.clip import Clip, Shown, selected
from impasto.video.frame import Frame
from impasto.video.frame_folder import FOLDER_RATE
from impasto.video.length_limit import LengthLimit
from impasto.video.looks import clip_painter, common_request, stylizer_of
from impasto.video.moving_masks import ClipRegions
from impasto.video.open_clip import open_clip
from impasto.video.outputs import ClipOutput, open_output
from impasto.video.painted_frames import bytes_needed, settings_of
from impasto.video.painters import FramePainter
from impasto.video.parts import Times
from impasto.video.pipeline import ReadAhead, WriteBehind
from impasto.video.result import VideoResult

_PACE_FRAMES = 3
"""Frames before there is a pace: the first take longer."""


@dataclass
class _Work:
    """What a run is made of, when all is open."""

    run: Run
    request: VideoRequest
    clip: Clip
    painter: FramePainter
    output: ClipOutput
    size: tuple[int, int]
    expected: int
    started: float
    length: LengthLimit
    first: int = 0
    number: int = 0
    last: Tensor | None = None
    written: list[Times] | None = None


def paint_clip(run: Run) -> Iterator[Event]:
    """A clip painted frame by frame, into the file or folder of the run's options."""
    request, options = run.request, run.options
    assert isinstance(request, VideoRequest)
    if options.output is None:
        raise OptionError(
            f"A painted clip needs a file or folder to go to: give {option('output')}."
        )
    path = request.content
    if not isinstance(path, str):
        raise OptionError("A clip is named by its file or folder: pictures in memory are none.")
    if os.path.realpath(path) == os.path.realpath(options.output):
        raise OptionError(f"{path} is read and would be replaced: name another {option('output')}.")
    rate = Fraction(request.fps).limit_denominator(100_000) if request.fps else None
    clip = open_clip(
        path,
        rate=rate or FOLDER_RATE,
        exclude=options.output,
        max_pixels=options.max_pixels,
        max_frames=options.clip_limits.frames,
    )
    with contextlib.closing(clip):
        yield from _paint(run, request, clip)


def _paint(run: Run, request: VideoRequest, clip: Clip) -> Iterator[Event]:
    options, picture = run.options, common_request(request)
    assert options.output is not None
    size = _size_of(clip, picture.size)
    if max(size) < picture.size:
        yield enlargement_note(request.content, max(size), picture.size)
    expected = _expected(clip, request)
    length = LengthLimit(options.clip_limits, request.content, size)
    length.check(expected, _seconds(clip, request))
    settings = None if request.recipe is None else settings_of(run, request, size)
    stylizer = stylizer_of(run, picture)
    check_regions(picture, stylizer)
    least = stylizer.model.network.stride + 1
    if settings is not None:
        least = max(least, settings.encoder.minimum_side(settings.recipe.layers))
    if min(size) < least:
        raise InputDataError(
            f"{clip.info.path} has frames of {size[1]}×{size[0]} px: the short side must have at "
            f"least {least} px, so give a larger {option('size')}."
        )
    yield from stroke_notes(size, picture.style_scale, stylizer.painter.least_side)
    regions = ClipRegions(
        picture,
        stylizer,
        start=Fraction(request.start),
        max_pixels=options.max_pixels,
        rate=clip.info.rate,
    )
    with contextlib.closing(regions):
        output = open_output(run, request, clip, size)
        yield from map(Note, output.notes)
        needed = stylizer.bytes_needed(Picture(torch.empty(0, 3, *size)))
        if settings is not None:
            needed = max(needed, bytes_needed(settings, size) or 0.0)
        yield Planned((size,), (expected,), bytes=needed, device=str(run.device))
        painter = clip_painter(run, request, clip, regions, settings)
        work = _Work(
            run, request, clip, painter, output, size, expected, time.perf_counter(), length
        )
        with output.locked():
            yield from _begin(work)
            yield from _frames(work)
        yield from map(Note, regions.notes)


def _begin(work: _Work) -> Iterator[Event]:
    """Go on from what there is, or begin anew."""
    options, parts = work.run.options, work.output.parts
    if options.resume and parts.resume():
        work.painter.load_state(parts.state())
        work.written = parts.times
        work.first = work.number = len(work.written)
        yield Note(f"goes on after {work.first} frames")
        return
    if options.resume:
        yield Note(f"There is nothing to go on from for {options.output}: starting anew.")
    parts.begin()
    work.painter.reset()


def _frames(work: _Work) -> Iterator[Event]:
    """Paint all frames that are left, then write the clip."""
    run = work.run
    run.result_so_far = lambda: _result(work, is_finished=False)
    reader, writer = ReadAhead(_read(work)), WriteBehind()
    stopped = False
    try:
        with _interrupts(run) as interrupt:
            try:
                for event in _painted(work, reader, writer, interrupt):
                    if event is None:
                        stopped = True
                    else:
                        yield event
            except StepAbandoned:
                if not work.number:
                    raise  # there is no frame yet
                stopped = True
            reader.close()
            if not stopped:
                writer.finish()
                if not work.number:
                    raise InputDataError(
                        f"{work.clip.info.path} has no frame between {option('start')} and "
                        f"{option('end')}."
                    )
                yield from map(Note, work.clip.problems)
                work.output.write()
    finally:
        reader.close()
        writer.close()
    is_resumable = stopped and work.output.parts.count > 0
    yield Finished(_result(work, is_finished=not stopped), is_resumable=is_resumable)


def _painted(
    work: _Work, reader: ReadAhead[Frame], writer: WriteBehind, interrupt: StopRequest
) -> Iterator[Event | None]:
    """Paint frame after frame; None if the work was stopped."""
    run, sink, every = work.run, work.output.sink, work.painter.segment_frames
    preview_at = time.perf_counter()
    count, begun = 0, time.perf_counter()
    for frame in reader:
        if frame.index % every == 0:
            writer.add(sink.begin)
        with interruptible(), torch.inference_mode():
            painted = work.painter(frame)
        work.last, work.number, count = painted, frame.index + 1, count + 1
        writer.add(_Writing(work.output, frame, painted))
        if work.number % every == 0:
            writer.add(_Ending(work.output, _copied(work.painter.state())))
        if count == 1:
            begun = time.perf_counter()
        now = time.perf_counter()
        if run.options.preview_seconds is not None and now >= preview_at:
            preview_at = now + run.options.preview_seconds
            yield Preview(painted)
        pace = (now - begun) / (count - 1) if count >= _PACE_FRAMES else None
        yield _progress(work, now - work.started, pace)
        if interrupt.made or run.should_stop:
            yield None
            return
    if work.number % every and work.number > work.first:
        writer.add(_Ending(work.output, _copied(work.painter.state())))


@dataclass(frozen=True)
class _Writing:
    """Hands a painted frame to the output, in the writer's thread."""

    output: ClipOutput
    frame: Frame
    painted: Tensor

    def __call__(self) -> None:
        self.output.add(self.frame, self.painted)


@dataclass(frozen=True)
class _Ending:
    """Ends a segment, in the writer's thread."""

    output: ClipOutput
    state: dict[str, Tensor]

    def __call__(self) -> None:
        self.output.end_segment(self.state)


def _copied(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state that stays as it is while the painter goes on: it is written in another thread."""
    return {name: value.detach().clone() for name, value in state.items()}


def _read(work: _Work) -> Iterator[Frame]:
    """The frames that are left, in the reader's thread."""
    request = work.request
    after = work.written[-1].pts if work.written else None
    is_folder = bool(work.clip.info.names)
    chosen = selected(
        work.clip,
        start=Fraction(request.start).limit_denominator(10**6),
        end=Fraction(request.end).limit_denominator(10**6) if request.end else None,
        fps=None
        if is_folder or not request.fps
        else Fraction(request.fps).limit_denominator(10**5),
        first=work.first,
        after=after,
    )
    made: tuple[object, Frame] | None = None
    for number, shown in chosen:
        work.length.check(number + 1, float(shown.pts))  # a file may say less than it has
        if made is not None and made[0] is shown.read:  # the same picture for a longer time
            image, alpha = made[1].image, made[1].alpha
        else:
            image, alpha = _picture(shown, work.size)
        frame = Frame(image, shown.pts, shown.duration, number, alpha)
        made = shown.read, frame
        yield frame


def _picture(shown: Shown, size: tuple[int, int]) -> tuple[Tensor, Tensor | None]:
    image, alpha = shown.read()
    return resize(image, size), None if alpha is None else resize(alpha, size)


def _progress(work: _Work, seconds: float, pace: float | None) -> Progress:
    expected = max(work.expected, work.number)
    left = None if pace is None else pace * (expected - work.number)
    label = "" if not pace else f"{1 / pace:.3g} frames/s"
    share = work.number / max(1, expected)
    return Progress(
        share, seconds, left, work.size, work.number, expected, work.number, label=label
    )


def _result(work: _Work, *, is_finished: bool) -> VideoResult:
    if work.last is None:
        if not (is_finished or work.number):
            raise ImpastoError("There is no frame yet: the run has not painted its first.")
        work.last = torch.zeros(1, 3, *work.size)
    kept = work.number if is_finished else len(work.output.parts.times)
    return VideoResult(
        work.last.cpu(),
        None,
        work.request,
        time.perf_counter() - work.started,
        is_finished=is_finished,
        path=work.run.options.output if is_finished else None,
        frames=kept,
        expected=work.expected,
        painted=work.number - work.first,
    )


def _size_of(clip: Clip, long_side: int) -> tuple[int, int]:
    if not long_side:
        return clip.info.size
    return fit_size(clip.info.size, long_side, max_enlarge=images.MAX_ENLARGE)


def _expected(clip: Clip, request: VideoRequest) -> int:
    """Frames that will be painted, as far as the file says; at least 1.

    Raises:
        OptionError: If the clip ends before the beginning that was asked for.
    """
    info = clip.info
    if info.seconds and request.start >= info.seconds:
        raise OptionError(
            f"{option('start')} is {request.start:g} s, and {info.path} is {info.seconds:.2f} s "
            "long."
        )
    seconds = _seconds(clip, request)
    if request.fps and not info.names:
        return max(1, round(seconds * request.fps))
    share = seconds / info.seconds if info.seconds else 1.0
    return max(1, round(info.frames * share))


def _seconds(clip: Clip, request: VideoRequest) -> float:
    """How much of the clip is painted, as far as the file says."""
    seconds = clip.info.seconds
    return max(0.0, min(request.end or seconds, seconds or request.end) - request.start)


def _interrupts(run: Run) -> contextlib.AbstractContextManager[StopRequest]:
    if run.options.handle_interrupt:
        return stop_on_interrupt(NOTICE if run.options.acknowledge_interrupt else "")
    return contextlib.nullcontext(StopRequest())

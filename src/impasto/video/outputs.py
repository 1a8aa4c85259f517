"""Where a painted clip goes: the sink of its frames, its segments, and the file at the end."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from impasto import __version__
from impasto.errors import ImpastoError, option
from impasto.images.formats import FORMATS
from impasto.jobs.checkpoints import checkpoint_path
from impasto.jobs.existing import source_digests
from impasto.jobs.request_json import to_json
from impasto.jobs.results import describe_request
from impasto.jobs.run import Run
from impasto.jobs.video_request import VideoRequest
from impasto.runtime.files import shown
from impasto.runtime.locks import locked
from impasto.runtime.optional import require
from impasto.video.animation_writing import write_animation
from impasto.video.clip import Clip, ClipInfo
from impasto.video.codecs import check_output_name, choose_codec, is_animation, is_video
from impasto.video.frame import Frame
from impasto.video.metadata import clip_metadata, moved_chapters
from impasto.video.muxing import VideoParts, supported_codecs, write_video
from impasto.video.parts import Packet, Parts, Times
from impasto.video.sinks import FolderSink, FrameSink, PictureSink, VideoSink, even
from impasto.video.sound import Tracks, plan_tracks
from impasto.video.video_file import VideoFile, open_container


@dataclass
class ClipOutput:
    """Takes painted frames in order, and writes the clip.

    Attributes:
        sink: What frames become.
        parts: What is kept of them.
        notes: A sentence on each thing of the clip that does not stay as it is.
    """

    sink: FrameSink
    parts: Parts
    _finish: Callable[[], None]
    notes: list[str] = field(default_factory=list)
    _packets: list[Packet] = field(default_factory=list)
    _times: list[Times] = field(default_factory=list)
    _is_written: bool = False

    def add(self, frame: Frame, painted: Tensor) -> None:
        """Take a painted frame of the present segment."""
        done = Frame(painted.cpu(), frame.pts, frame.duration, frame.index, frame.alpha)
        self._packets += self.sink.add(done)
        self._times.append(Times(frame.pts, frame.duration))

    def end_segment(self, state: Mapping[str, Tensor]) -> None:
        """Keep the present segment, and the painter's state after it."""
        self._packets += self.sink.end()
        self.parts.add(self._packets, self._times, state)
        self._packets, self._times = [], []

    def write(self) -> None:
        """Write the clip from its segments.

        Raises:
            ImpastoError: If it cannot be written; the segments stay.
        """
        self._finish()
        self._is_written = True

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Within the block no other process works on the same output.

        After it the segments are removed, unless they are still needed.

        Raises:
            InputDataError: If another process does.
            ImpastoError: If nothing can be written there.
        """
        folder = self.parts.folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ImpastoError(
                f"{shown(folder)} cannot be made ({error.strerror}): name another "
                f"{option('output')}."
            ) from error
        is_ours = False  # what another process works on stays
        try:
            with locked(folder, remedy="wait for it, or name another output."):
                is_ours = True
                yield
        finally:
            is_needed = self.parts.count or self.parts.is_of_another
            if is_ours and (self._is_written or not is_needed):
                self.parts.remove()


def open_output(run: Run, request: VideoRequest, clip: Clip, size: tuple[int, int]) -> ClipOutput:
    """Where the frames of a clip go, checked before any is painted.

    Args:
        run: Whose options name the output.
        request: The request.
        clip: The clip.
        size: Height and width of the painted frames.

    Raises:
        ImpastoError: For a file that cannot be written so.
    """
    options, path = run.options, run.options.output
    assert path is not None
    check_output_name(path, options.encoding)
    plan = {
        "request": to_json(request),
        "sources": source_digests(request),
        "encoding": str(options.encoding),
        "output": path.suffix,
        "size": size,
        "device": str(run.device),
        "versions": [__version__, torch.__version__],
    }
    parts = Parts(options.checkpoint or checkpoint_path(path), plan)
    notes = _colour_notes(clip.info)
    if is_video(path):
        return _video(run, request, clip, size, parts, notes)
    if isinstance(clip, VideoFile) and _has_sound(clip.info.path):
        kind = f"{path.suffix} files have" if is_animation(path) else "A folder of frames has"
        notes.append(f"{kind} no sound: that of {clip.info.path.name} is left out.")
    if is_animation(path):
        av = require("av", by="An animation")

        def finish() -> None:
            write_animation(av, path, parts, loops=clip.info.loops, has_alpha=clip.info.has_alpha)

        return ClipOutput(PictureSink(), parts, finish, notes)
    sink = FolderSink(path, clip.info.names, _suffix(clip.info), describe_request(request))
    return ClipOutput(sink, parts, lambda: None, notes)


def _video(
    run: Run,
    request: VideoRequest,
    clip: Clip,
    size: tuple[int, int],
    parts: Parts,
    notes: list[str],
) -> ClipOutput:
    options, path, info = run.options, run.options.output, clip.info
    assert path is not None
    av = require("av", by="A video", hint="or name a folder, for frames")
    codec = choose_codec(av, path, options.encoding)
    rate = _encoder_rate(Fraction(request.fps or info.rate))
    sink = VideoSink(av, codec, size, rate)
    if sink.size != size:
        height, width = sink.size
        notes.append(
            f"Frames of {size[1]}×{size[0]} px become {width}×{height} px: {codec.pixel_format} "
            f"needs even sides, so a row or column is repeated ({option('pixel_format')} yuv444p "
            "keeps them)."
        )
    if info.coding.depth > 8 and codec.coding.depth == 8 and not info.coding.hdr:
        notes.append(
            f"{info.path.name} has {info.coding.depth} bits a sample and is written with 8: "
            f"{option('pixel_format')} {codec.pixel_format}10le keeps 10."
        )
    start = Fraction(request.start).limit_denominator(10**6)
    end = Fraction(request.end).limit_denominator(10**6) if request.end else None
    if end is None and options.clip_limits.seconds < math.inf:  # sound may be longer than frames
        end = start + Fraction(options.clip_limits.seconds)
    tracks, chapters, source, metadata = Tracks(), [], None, {}
    if isinstance(clip, VideoFile):
        source = info.path
        container = open_container(av, source)
        with contextlib.closing(container):
            tracks = plan_tracks(container, source, supported_codecs(av, path), path)
            chapters = moved_chapters(container.chapters(), start, end)
        metadata = dict(info.metadata)
        notes += tracks.notes
    video = VideoParts(
        parts,
        codec,
        even(size, codec.multiple),
        rate,
        info.time_base if not request.fps else 1 / Fraction(request.fps).limit_denominator(10**5),
        source,
        tracks,
        start,
        end,
        clip_metadata(metadata, request, options.encoding),
        chapters,
    )
    return ClipOutput(sink, parts, lambda: write_video(av, path, video), notes)


def _encoder_rate(rate: Fraction) -> Fraction:
    """Frames a second that every encoder takes: MPEG-4 wants at most 65535 parts of a second.

    It steers the encoder only; frames are shown at their own times.
    """
    near = rate.limit_denominator(1001) or Fraction(1, 1001)
    return near if near.numerator < 1 << 16 else Fraction(max(1, round(rate)))


def _colour_notes(info: ClipInfo) -> list[str]:
    coding = info.coding
    if not coding.hdr:
        return []
    return [
        f"{info.path.name} is HDR ({coding.about}): its light is mapped to that of usual displays "
        "(sRGB), and written so."
    ]


def _has_sound(path: Path) -> bool:
    av = require("av", by="A video")
    with contextlib.closing(open_container(av, path)) as container:
        return bool(container.streams.audio)


def _suffix(info: ClipInfo) -> str:
    """The ending of the files in a folder: that of the frames, if it can be written."""
    if not info.names:
        return ".png"
    found = next(iter(sorted(info.path.glob(f"{info.names[0]}.*"))), Path(".png"))
    suffix = found.suffix.lower()
    return suffix if suffix in FORMATS else ".png"

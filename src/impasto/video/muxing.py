"""The last step of a video: encoded frames, sound, chapters and metadata into one file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from impasto.errors import ImpastoError
from impasto.runtime.files import atomic_write, shown
from impasto.video.codecs import VIDEOS, VideoCodec
from impasto.video.parts import Parts, Times
from impasto.video.sound import SoundTracks, Tracks, in_order
from impasto.video.video_file import open_container

_FINEST = 1_000_000
"""Greatest number of units of time in a second."""

_FILE_OPTIONS = {
    "mp4": {"fflags": "+bitexact", "movflags": "+faststart"},
    "mov": {"fflags": "+bitexact", "movflags": "+faststart"},
    "matroska": {"fflags": "+bitexact", "avoid_negative_ts": "disabled"},
    "webm": {"fflags": "+bitexact", "avoid_negative_ts": "disabled"},
}
"""Nothing random in the file. Of MP4 the table is first, so that it plays while it loads. Frames
are not shifted by sound that begins before 0, as AAC does."""


@dataclass(frozen=True)
class VideoParts:
    """All that a video file is put together from.

    Attributes:
        parts: Its encoded frames.
        codec: Of the frames.
        size: Height and width of the frames as encoded.
        rate: Frames a second, on average.
        time_base: Unit of the clip's times.
        source: The clip whose sound is taken; None for none.
        tracks: What becomes of its tracks.
        start: Seconds of the clip that become 0.
        end: Seconds of the clip at which it ends; None for its end.
        metadata: Title and the like.
        chapters: Of PyAV.
    """

    parts: Parts
    codec: VideoCodec
    size: tuple[int, int]
    rate: Fraction
    time_base: Fraction
    source: Path | None = None
    tracks: Tracks = Tracks()  # noqa: RUF009 (frozen)
    start: Fraction = Fraction(0)
    end: Fraction | None = None
    metadata: Mapping[str, str] | None = None
    chapters: Sequence[Mapping[str, Any]] = ()


def supported_codecs(av: Any, path: Path) -> frozenset[str]:
    """Names of the codecs that a file of that extension can hold."""
    from io import BytesIO

    with av.open(BytesIO(), "w", format=VIDEOS[path.suffix.lower()][0]) as container:
        return frozenset(container.supported_codecs)


def write_video(av: Any, path: Path, video: VideoParts) -> None:
    """Put a video file together, whole or not at all.

    Raises:
        ImpastoError: If it cannot be written.
    """
    with atomic_write(path) as temporary:
        try:
            _write(av, temporary, path, video)
        except (av.FFmpegError, ValueError) as error:
            if isinstance(error, OSError) and error.errno in (28, 122):
                raise OSError(error.errno, "No space left on device") from error
            reason = getattr(error, "strerror", None) or error
            raise ImpastoError(
                f"{shown(path)} could not be written ({reason}): choose another codec or an .mkv."
            ) from error


def _write(av: Any, temporary: Path, path: Path, video: VideoParts) -> None:
    format_ = VIDEOS[path.suffix.lower()][0]
    times = video.parts.times
    units = ticks_per_second(times, video.time_base)
    options = dict(_FILE_OPTIONS[format_])
    if "movflags" in options:  # in it MP4 says when each track begins: by default in milliseconds
        options["movie_timescale"] = str(_common_units(units, video.tracks.units))
    with av.open(str(temporary), "w", format=format_, container_options=options) as output:
        stream = output.add_stream(
            video.codec.encoder, rate=video.rate, options=dict(video.codec.options)
        )
        set_up(stream.codec_context, video.codec, video.size)
        stream.time_base = Fraction(1, units)
        output.metadata.update(video.metadata or {})
        sources = [_frames(av, stream, video.parts, times, units)]
        source = None if video.source is None else open_container(av, video.source)
        try:
            if source is not None:
                sound = SoundTracks(
                    av, source, output, video.tracks, start=video.start, end=video.end
                )
                sources.append(sound.packets())
                if video.chapters:
                    output.set_chapters(list(video.chapters))
            for packet in in_order(*sources):
                output.mux(packet)
        finally:
            if source is not None:
                source.close()


def set_up(context: Any, codec: VideoCodec, size: tuple[int, int]) -> None:
    """Give an encoder the size and the tags of its frames."""
    context.height, context.width = size
    context.pix_fmt = codec.pixel_format
    coding = codec.coding
    context.colorspace, context.color_range = coding.matrix, 2 if coding.is_full else 1
    context.color_primaries, context.color_trc = coding.primaries, coding.transfer


def ticks_per_second(times: Sequence[Times], time_base: Fraction) -> int:
    """Units of time in a second of which all times are whole multiples, if there are any."""
    units = time_base.denominator
    for time in times:
        units = math.lcm(units, time.pts.denominator)
        if units > _FINEST:
            return max(time_base.denominator, 90_000)
    return units


def _common_units(video: int, sound: int) -> int:
    """Units of time for both; those of the video if there are too many."""
    both = math.lcm(video, sound)
    return both if both <= 10 * _FINEST else video


def decoding_ticks(ticks: Sequence[int], order: Sequence[int]) -> list[int]:
    """When each packet must be decoded, for frames that are not stored in the order of display.

    Args:
        ticks: When each frame is shown, rising.
        order: The numbers of the frames in the order of their packets.

    Returns:
        Rising, none after its own frame is shown.
    """
    delay = max((place - number for place, number in enumerate(order)), default=0)
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1
    before = [ticks[0] - (delay - place) * step for place in range(min(delay, len(order)))]
    return before + list(ticks[: len(order) - len(before)])


def _frames(
    av: Any, stream: Any, parts: Parts, times: Sequence[Times], units: int
) -> Iterator[tuple[Fraction, Any]]:
    ticks = [round(time.pts * units) for time in times]
    decoded = decoding_ticks(ticks, parts.order)
    ends = [*ticks[1:], ticks[-1] + max(1, round(times[-1].duration * units))]
    for place, part in enumerate(parts.packets()):
        packet = av.Packet(part.data)
        packet.stream, packet.time_base = stream, Fraction(1, units)
        packet.pts, packet.dts = ticks[part.number], decoded[place]
        packet.duration = ends[part.number] - ticks[part.number]
        packet.is_keyframe = part.is_key
        yield Fraction(decoded[place], units), packet

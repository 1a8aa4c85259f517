"""Sound and subtitles of a clip: packets copied as they are, or encoded anew where they must be."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from impasto.errors import counted_noun

_ENCODERS = {".webm": ("libopus", "Opus"), ".mkv": ("flac", "FLAC")}
_USUAL = ("aac", "AAC")
_FINEST = 10_000_000  # units of time in a second


@dataclass(frozen=True)
class Tracks:
    """What becomes of the tracks of a clip beside its video.

    Attributes:
        copied: Numbers of streams whose packets are copied.
        encoded: Number of stream → FFmpeg's name of the encoder that it is encoded anew by.
        notes: A sentence on each thing that does not stay as it is.
        units: Units of time in a second in which the beginnings of all copied tracks are whole.
    """

    copied: tuple[int, ...] = ()
    encoded: dict[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    units: int = 1


def plan_tracks(source: Any, path: Path, supported: frozenset[str], output: Path) -> Tracks:
    """Decide what becomes of every track.

    Args:
        source: The clip's container of PyAV.
        path: Its file.
        supported: Codecs that the output can hold.
        output: The output.
    """
    copied, encoded, notes = [], {}, []
    dropped, units = 0, 1
    for stream in source.streams:
        if stream.type not in ("audio", "subtitle"):
            continue
        context = stream.codec_context
        names = set() if context is None else {context.name, context.codec.canonical_name}
        if names & supported:
            copied.append(stream.index)
            finer = math.lcm(units, stream.time_base.denominator)
            units = finer if finer <= _FINEST else units
        elif stream.type == "audio" and context is not None:
            encoder, name = _ENCODERS.get(output.suffix.lower(), _USUAL)
            encoded[stream.index] = encoder
            notes.append(
                f"The sound of {path.name} is {context.codec.canonical_name}, which "
                f"{output.suffix} cannot hold: it is encoded as {name}."
            )
        else:
            dropped += 1
    if dropped:
        notes.append(
            f"{counted_noun(dropped, 'track')} of {path.name} cannot be held by {output.suffix}, "
            "such as subtitles of another kind: left out."
        )
    return Tracks(tuple(copied), encoded, tuple(notes), units)


class SoundTracks:
    """The tracks of a clip, added to an output and read in the order of time.

    Args:
        av: PyAV.
        source: The clip's container, at its beginning.
        output: The container that is written.
        tracks: What becomes of the tracks.
        start: Seconds of the clip that become 0.
        end: Seconds of the clip at which the tracks end; None for their end.
    """

    def __init__(
        self,
        av: Any,
        source: Any,
        output: Any,
        tracks: Tracks,
        *,
        start: Fraction,
        end: Fraction | None,
    ) -> None:
        self._av, self._source = av, source
        self._start, self._end = start, end
        self._copied, self._encoded = {}, {}
        for stream in source.streams:
            if stream.index in tracks.copied:
                self._copied[stream.index] = _with_tags(
                    output.add_stream_from_template(stream), stream
                )
            elif stream.index in tracks.encoded:
                added = output.add_stream(tracks.encoded[stream.index], rate=_rate(tracks, stream))
                added.codec_context.layout = stream.codec_context.layout
                self._encoded[stream.index] = _with_tags(added, stream)

    def packets(self) -> Iterator[tuple[Fraction, Any]]:
        """Time and packet, each stream in its own order.

        Packets of damaged ends are left out.
        """
        wanted = [self._source.streams[i] for i in (*self._copied, *self._encoded)]
        if not wanted:
            return
        encoders = {i: _Encoder(self._av, stream) for i, stream in self._encoded.items()}
        try:
            for packet in self._source.demux(wanted):
                yield from self._written(packet, encoders)
        except self._av.FFmpegError:
            pass  # the rest of a file that is cut off
        for encoder in encoders.values():
            yield from encoder.finish()

    def _written(
        self, packet: Any, encoders: dict[int, _Encoder]
    ) -> Iterator[tuple[Fraction, Any]]:
        index, base = packet.stream_index, packet.time_base
        if packet.pts is None or packet.is_corrupt:
            return
        time = packet.pts * Fraction(base)
        begins = time if self._start else max(time, Fraction(0))  # what primes a decoder counts
        if begins < self._start or (self._end is not None and time >= self._end):
            return
        shift = round(self._start / Fraction(base))
        if index in encoders:
            for frame in packet.decode():
                if frame.pts is not None:
                    frame.pts -= round(self._start / Fraction(frame.time_base))
                yield from encoders[index].add(frame)
            return
        packet.pts -= shift
        if packet.dts is not None:
            packet.dts -= shift
        packet.stream = self._copied[index]
        yield time - self._start, packet


class _Encoder:
    """Encodes the sound of a track; gaps are filled with silence, so that it stays in time."""

    def __init__(self, av: Any, stream: Any) -> None:
        self._av, self._stream = av, stream
        context = stream.codec_context
        context.open(strict=False)
        self._resampler = av.AudioResampler(
            format=context.format.name, layout=context.layout.name, rate=context.sample_rate
        )
        self._fifo = av.AudioFifo()
        self._next: int | None = None

    def add(self, frame: Any) -> Iterator[tuple[Fraction, Any]]:
        """Packets that are complete with a frame."""
        for part in self._resampler.resample(frame):
            rate = part.sample_rate
            begin = part.pts * Fraction(part.time_base) if part.pts is not None else None
            at = self._next if begin is None else round(begin * rate)
            if self._next is None:
                self._next = at or 0
            gap = 0 if at is None else at - self._next
            if gap > rate // 50:
                yield from self._write(_silence(self._av, part, gap))
            yield from self._write(part)

    def finish(self) -> Iterator[tuple[Fraction, Any]]:
        """The packets that are left."""
        if self._next is not None:
            rest = self._fifo.read(0, partial=True)
            yield from self._encode([] if rest is None else [rest])
            yield from self._timed(self._stream.encode(None))

    def _write(self, part: Any) -> Iterator[tuple[Fraction, Any]]:
        assert self._next is not None
        part.time_base = Fraction(1, part.sample_rate)
        part.pts = self._next
        self._next += part.samples
        self._fifo.write(part)
        size = self._stream.codec_context.frame_size or 1024
        yield from self._encode(self._fifo.read_many(size))

    def _encode(self, frames: list[Any]) -> Iterator[tuple[Fraction, Any]]:
        for frame in frames:
            yield from self._timed(self._stream.encode(frame))

    def _timed(self, packets: list[Any]) -> Iterator[tuple[Fraction, Any]]:
        for packet in packets:
            yield packet.pts * Fraction(packet.time_base), packet


def in_order(*sources: Iterator[tuple[Fraction, Any]]) -> Iterator[Any]:
    """The packets of several sources, each about in order, by time."""
    for _, packet in heapq.merge(*sources, key=lambda timed: timed[0]):
        yield packet


def _silence(av: Any, like: Any, samples: int) -> Any:
    frame = av.AudioFrame(format=like.format.name, layout=like.layout.name, samples=samples)
    frame.sample_rate = like.sample_rate
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    return frame


def _rate(tracks: Tracks, stream: Any) -> int:
    """Opus has few rates, of which one suits all."""
    return 48000 if tracks.encoded[stream.index] == "libopus" else stream.codec_context.sample_rate


def _with_tags(added: Any, stream: Any) -> Any:
    """The stream with the language and title of another, and whether it is the default."""
    for name, value in stream.metadata.items():
        if name.lower() in ("language", "title", "handler_name"):
            added.metadata[name] = value
    added.disposition = stream.disposition
    return added

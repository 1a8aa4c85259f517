"""Clips for tests, made by PyAV: of any codec, times, colours, rotation and tracks."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np


def picture(number: int, size: tuple[int, int] = (48, 64)) -> np.ndarray:
    """A gradient with a bar that moves; (H, W, 3) uint8."""
    height, width = size
    rows, columns = np.mgrid[0:height, 0:width]
    pixels = np.stack([255 * columns / width, 255 * rows / height, 0 * rows + 90], -1)
    begin = 5 * number % (width - 8)
    pixels[height // 4 : height // 2, begin : begin + 8] = (240, 240, 30)
    return pixels.astype(np.uint8)


def make_clip(
    path: Path,
    count: int = 8,
    *,
    size: tuple[int, int] = (48, 64),
    rate: int = 25,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    times: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    sound: Sequence[tuple[str, float]] = (),
    rotation: int = 0,
    aspect: Fraction | None = None,
    tags: dict[str, int] | None = None,
    full: bool = False,
    metadata: dict[str, str] | None = None,
    chapters: Sequence[dict[str, Any]] = (),
    options: dict[str, str] | None = None,
) -> Path:
    """Write a clip.

    Args:
        path: Its extension chooses the container.
        count: Frames.
        size: Height and width.
        rate: Frames a second.
        codec: Encoder.
        pixel_format: Of the frames.
        times: When each is shown, in ``time_base``; by default one after the other.
        time_base: Of the times.
        sound: Encoder and offset in seconds of each sound track.
        rotation: Degrees, counter-clockwise, in the display matrix.
        aspect: Of a pixel.
        tags: Colour tags of the codec context.
        full: Whether levels have the full range.
        metadata: Of the file.
        chapters: Of the file.
        options: Of the encoder.
    """
    with av.open(str(path), "w", container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = size
        stream.pix_fmt = pixel_format
        if time_base is not None:
            stream.time_base = stream.codec_context.time_base = time_base
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for name, value in (tags or {}).items():
            setattr(stream.codec_context, name, value)
        if rotation:
            stream.set_display_rotation(rotation)
        container.metadata.update(metadata or {})
        tracks = [_track(container, name) for name, _ in sound]
        if chapters:
            container.set_chapters(list(chapters))
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(picture(number, size), format="rgb24")
            frame = frame.reformat(
                format=pixel_format,
                dst_colorspace=(tags or {}).get("colorspace", 5),
                dst_color_range=2 if full else 1,
            )
            frame.pts = number if times is None else times[number]
            frame.time_base = time_base or Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        seconds = count / rate if times is None else times[-1] * float(time_base or 1)
        for (_, offset), track in zip(sound, tracks, strict=True):
            _play(container, track, offset, seconds)
    return path


def _track(container: Any, codec: str) -> Any:
    track = container.add_stream(codec, rate=48000)
    track.codec_context.layout = "stereo"
    track.metadata["language"] = "eng"
    return track


def _play(container: Any, track: Any, offset: float, seconds: float) -> None:
    """A tone, encoded in one go."""
    size = track.codec_context.frame_size or 1024
    track.codec_context.open(strict=False)
    size = track.codec_context.frame_size or size
    format_ = track.codec_context.format.name
    begin = round(offset * 48000)
    for number in range(max(1, round((seconds - offset) * 48000 / size))):
        wave = np.sin((np.arange(size) + number * size) * 0.06) * 0.3
        planes = np.stack([wave, wave])
        if format_.startswith("s16"):
            planes = (planes * 32767).astype(np.int16)
        else:
            planes = planes.astype(np.float32)
        if not format_.endswith("p"):
            planes = planes.T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(planes), format=format_, layout="stereo"
        )
        frame.sample_rate, frame.pts = 48000, begin + number * size
        frame.time_base = Fraction(1, 48000)
        container.mux(track.encode(frame))
    container.mux(track.encode(None))


def frame_times(path: Path) -> list[Fraction]:
    """When the frames of a clip are shown, as a decoder tells."""
    with av.open(str(path)) as container:
        return [f.pts * Fraction(f.time_base) for f in container.decode(video=0)]


def packets(path: Path, kind: str = "audio") -> list[list[tuple[Fraction, bytes]]]:
    """Time and data of all packets of each track."""
    with av.open(str(path)) as container:
        streams = [s for s in container.streams if s.type == kind]
        found: dict[int, list[tuple[Fraction, bytes]]] = {s.index: [] for s in streams}
        for packet in container.demux(streams):
            if packet.pts is not None:
                time = packet.pts * Fraction(packet.time_base)
                found[packet.stream_index].append((time, bytes(packet)))
    return list(found.values())

"""Animations written by FFmpeg, frame by frame, so that they may be long: GIF, APNG and WebP."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from impasto.errors import ImpastoError
from impasto.runtime.files import atomic_write, shown
from impasto.video.parts import Parts, Times

_KINDS = {
    ".gif": ("gif", "gif", "pal8", 100),
    ".png": ("apng", "apng", "rgb24", 1000),
    ".apng": ("apng", "apng", "rgb24", 1000),
    ".webp": ("webp", "libwebp_anim", "bgra", 1000),
}
"""Extension → FFmpeg's format, encoder and pixel format, and units of time in a second."""

_TRANSPARENT = 255  # entry of a GIF's palette


def write_animation(av: Any, path: Path, parts: Parts, *, loops: int, has_alpha: bool) -> None:
    """Write the pictures of an animation to a file, whole or not at all.

    Args:
        av: PyAV.
        path: With one of the extensions of animations.
        parts: Its pictures, as PNG.
        loops: How often it is shown; 0 for ever.
        has_alpha: Whether its pictures may be transparent.

    Raises:
        ImpastoError: If it cannot be written.
    """
    with atomic_write(path) as temporary:
        try:
            _write(av, temporary, path.suffix.lower(), parts, loops, has_alpha)
        except (av.FFmpegError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ImpastoError(
                f"{shown(path)} could not be written ({reason}): name a video instead."
            ) from error


def _write(
    av: Any, temporary: Path, suffix: str, parts: Parts, loops: int, has_alpha: bool
) -> None:
    format_, encoder, pixel_format, units = _KINDS[suffix]
    if pixel_format == "rgb24" and has_alpha:
        pixel_format = "rgba"
    times = parts.times
    ticks, last = _ticks(times, units)
    options = _loop_options(format_, loops)
    if format_ != "webp":
        options["final_delay"] = f"{last}/1000" if format_ == "apng" else str(last)
    with av.open(str(temporary), "w", format=format_, container_options=options) as output:
        stream, context = None, None
        for number, image in enumerate(_images(parts)):
            if stream is None:
                codec_options = {"quality": "95", "loop": str(loops)} if format_ == "webp" else {}
                stream = output.add_stream(encoder, rate=units, options=codec_options)
                context = stream.codec_context
                context.width, context.height, context.pix_fmt = *image.size, pixel_format
                context.time_base = Fraction(1, units)
            frame = _frame(av, image, pixel_format)
            frame.pts, frame.time_base = ticks[number], Fraction(1, units)
            frame.duration = (
                ticks[number + 1] if number + 1 < len(ticks) else ticks[-1] + last
            ) - (ticks[number])
            for packet in stream.encode(frame):
                output.mux(packet)
        assert stream is not None
        for packet in stream.encode(None):
            output.mux(packet)


def _loop_options(format_: str, loops: int) -> dict[str, str]:
    """How often an animation is shown, 0 for ever, as an option of FFmpeg's format."""
    if format_ == "apng":
        return {"plays": str(loops)}
    if format_ == "gif":  # how often again; -1: never
        return {"loop": str({0: 0, 1: -1}.get(loops, loops - 1))}
    return {"loop": str(loops)}


def _ticks(times: Sequence[Times], units: int) -> tuple[list[int], int]:
    """When each frame is shown, rising and from 0 on, and for how long the last."""
    ticks: list[int] = []
    for time in times:
        tick = round((time.pts - times[0].pts) * units)
        ticks.append(max(tick, ticks[-1] + 1) if ticks else tick)
    return ticks, max(1, round(times[-1].duration * units))


def _images(parts: Parts) -> Iterator[Image.Image]:
    for packet in parts.packets():
        with Image.open(io.BytesIO(packet.data)) as image:
            image.load()
            yield image


def _frame(av: Any, image: Image.Image, pixel_format: str) -> Any:
    if pixel_format == "pal8":
        return _of_palette(av, image)
    mode = "RGB" if pixel_format == "rgb24" else "RGBA"
    pixels = np.ascontiguousarray(np.asarray(image.convert(mode)))
    if pixel_format == "bgra":
        pixels = np.ascontiguousarray(pixels[..., [2, 1, 0, 3]])
    return av.VideoFrame.from_ndarray(pixels, format=pixel_format)


def _of_palette(av: Any, image: Image.Image) -> Any:
    """A frame with a palette of its own; what is less than half opaque has an entry of its own."""
    has_alpha = image.mode == "RGBA"
    plain = image.convert("RGB").quantize(_TRANSPARENT if has_alpha else 256)
    indices = np.array(plain, dtype=np.uint8)
    colours = np.zeros((256, 4), np.uint8)
    own = np.array(plain.getpalette() or [], np.uint8).reshape(-1, 3)[:256]
    colours[: len(own), 0], colours[: len(own), 1:] = 255, own  # alpha, then R, G, B
    if has_alpha:
        indices[np.asarray(image.getchannel("A")) < 128] = _TRANSPARENT
        colours[_TRANSPARENT] = 0
    frame = av.VideoFrame(image.width, image.height, "pal8")
    rows = np.zeros((image.height, frame.planes[0].line_size), np.uint8)
    rows[:, : image.width] = indices
    frame.planes[0].update(rows)
    words = (colours.astype(np.uint32) * np.array([1 << 24, 1 << 16, 1 << 8, 1], np.uint32)).sum(1)
    frame.planes[1].update(words.astype("<u4" if np.little_endian else ">u4"))
    return frame

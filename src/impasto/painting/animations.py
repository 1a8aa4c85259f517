"""Animations of a painting in progress: GIF, WebP and PNG by Pillow, MP4 by PyAV."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import ExifTags, Image, PngImagePlugin

from impasto import images
from impasto.errors import ImageError
from impasto.runtime.files import atomic_write, shown
from impasto.runtime.optional import require

VIDEO = ".mp4"
ANIMATIONS = (".gif", ".webp", ".png", VIDEO)
"""Extensions of the animations that can be written."""

MARK = 'impasto {"impasto": "snapshots"}'
"""By which an animation is known as Impasto's; in GIF it is the word Impasto."""

_VIDEO_RATE = 25  # frames per second
_VIDEO_MAX_SIDE = 16384
_CODECS = ("libx264", "h264", "mpeg4")
"""Encoders of videos, the best first; not every build of FFmpeg has the first."""


def check_animation(path: Path, size: tuple[int, int]) -> None:
    """Check before long work that an animation can be written.

    Args:
        path: With one of the extensions of :data:`ANIMATIONS`.
        size: Height and width in pixels.

    Raises:
        ImageError: If the format does not allow the size.
        OptionError: For a video, if PyAV is not installed.
    """
    if path.suffix.lower() != VIDEO:
        images.check_format_size(path, size, remedy="name a folder instead")
        return
    require("av", by="A video", hint="or name a .gif, a .webp or a .png")
    if max(size) > _VIDEO_MAX_SIDE:
        raise ImageError(
            f"{shown(path)} would be {size[1]} × {size[0]} pixels, but videos have at most "
            f"{_VIDEO_MAX_SIDE} a side: name a folder instead."
        )


def write_animation(path: Path, frames: Sequence[Image.Image], durations: Sequence[int]) -> None:
    """Write frames to a file, atomically.

    Args:
        path: With one of the extensions of :data:`ANIMATIONS`.
        frames: RGB or RGBA, all of the same size; a video shows them over white.
        durations: Of each, in milliseconds.

    Raises:
        ImageError: If the file cannot be written.
    """
    suffix = path.suffix.lower()
    with atomic_write(path, error=ImageError) as temporary:
        try:
            if suffix == VIDEO:
                _write_video(temporary, frames, durations)
                return
            if suffix == ".gif":
                frames = [_with_gif_transparency(frame) for frame in frames]
            frames[0].save(
                temporary,
                save_all=True,
                append_images=frames[1:],
                duration=list(durations),
                loop=0,
                **_mark(suffix),
            )
        except (RuntimeError, ValueError, MemoryError) as problem:  # raised by Pillow and PyAV
            raise ImageError(
                f"{shown(path)} could not be written "
                f"({str(problem) or type(problem).__name__}): name a folder instead."
            ) from problem


def _mark(suffix: str) -> dict[str, Any]:
    """What marks an animation as Impasto's, as options of Pillow's ``save``."""
    word, text = MARK.split(maxsplit=1)
    if suffix == ".webp":
        exif = Image.Exif()
        exif[ExifTags.Base.ImageDescription] = MARK
        return {"exif": exif.tobytes()}
    if suffix == ".png":
        info = PngImagePlugin.PngInfo()
        info.add_text(word, text)
        return {"pnginfo": info}
    return {"comment": b"Impasto"}


def _write_video(path: Path, frames: Sequence[Image.Image], durations: Sequence[int]) -> None:
    """Frames as H.264 in MP4, at a constant rate; each is repeated for its duration."""
    av = require("av", by="A video")
    codec = next(name for name in _CODECS if name in av.codecs_available)
    sizes = [side + side % 2 for side in frames[0].size]
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        container.metadata["comment"] = MARK
        stream = container.add_stream(codec, rate=_VIDEO_RATE)
        stream.width, stream.height = sizes
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.thread_count = torch.get_num_threads()
        # Rec. 709, of limited range: what players take a video for that says nothing.
        context.colorspace = context.color_primaries = context.color_trc = context.color_range = 1
        if codec != "mpeg4":
            context.options = {"crf": "16"}
        else:
            context.bit_rate = 8 * sizes[0] * sizes[1]
        number = 0
        for picture, duration in zip(frames, durations, strict=True):
            frame = av.VideoFrame.from_ndarray(_even(picture), format="rgb24").reformat(
                format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
            )
            frame.time_base = Fraction(1, _VIDEO_RATE)
            for _ in range(max(1, round(duration * _VIDEO_RATE / 1000))):
                frame.pts, number = number, number + 1
                container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _even(picture: Image.Image) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Pixels (H, W, 3) over white, with the last row or column repeated so that sides are even."""
    if picture.mode == "RGBA":
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    pixels = np.asarray(picture.convert("RGB"))
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _with_gif_transparency(frame: Image.Image) -> Image.Image:
    """A frame for a GIF: pixels that are less than half opaque get a palette entry of their own.

    Pillow's conversion from RGBA loses the transparency of later frames where invisible pixels have
    the colour of visible ones.
    """
    if frame.mode != "RGBA":
        return frame
    transparent = 255  # palette index
    plain = frame.convert("RGB").quantize(transparent)
    plain.paste(transparent, mask=frame.getchannel("A").point([255] * 128 + [0] * 128))
    plain.info["transparency"] = transparent
    return plain

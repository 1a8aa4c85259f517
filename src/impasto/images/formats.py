"""The kinds of picture file that can be written, and what each can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Format:
    """What one kind of picture file can hold, and how it is saved."""

    name: str  # Pillow's name
    alpha: bool = False
    metadata: Literal["text", "exif", ""] = ""  # where it is kept, if anywhere
    longest: int = 2**31 - 1  # pixels on a side
    options: Callable[[int], dict[str, Any]] = lambda quality: {}


def _jpeg_options(quality: int) -> dict[str, Any]:
    # 4:4:4 keeps the edges of saturated strokes; 4:2:0 is a third smaller.
    return {"quality": quality, "subsampling": "4:4:4" if quality >= 90 else "4:2:0"}


def _webp_options(quality: int) -> dict[str, Any]:
    return {"quality": quality}


def _tiff_options(quality: int) -> dict[str, Any]:
    return {"compression": "tiff_deflate"}


_JPEG = Format("JPEG", metadata="exif", longest=65500, options=_jpeg_options)
_TIFF = Format("TIFF", alpha=True, metadata="exif", options=_tiff_options)

FORMATS: Mapping[str, Format] = {
    ".png": Format("PNG", alpha=True, metadata="text"),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".webp": Format("WEBP", alpha=True, metadata="exif", longest=16383, options=_webp_options),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".bmp": Format("BMP"),
    ".gif": Format("GIF", alpha=True, longest=65535),  # its alpha is on or off
}
"""The kinds of file that can be written, by extension; far more kinds can be read."""

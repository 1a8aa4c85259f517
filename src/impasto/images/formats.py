"""The file formats that can be written, and what each supports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Format:
    """One file format.

    Attributes:
        name: Pillow's name of it.
        alpha: Whether it supports alpha.
        metadata: Where it stores metadata: a text chunk, EXIF, or nowhere (empty).
        max_side: Limit on height and width in pixels.
        options: Quality (1 to 100) → options of Pillow's ``save``.
    """

    name: str
    alpha: bool = False
    metadata: Literal["text", "exif", ""] = ""
    max_side: int = 2**31 - 1
    options: Callable[[int], dict[str, Any]] = lambda quality: {}


def _jpeg_options(quality: int) -> dict[str, Any]:
    # 4:4:4 keeps saturated edges sharp; 4:2:0 files are a third smaller.
    return {"quality": quality, "subsampling": "4:4:4" if quality >= 90 else "4:2:0"}


_JPEG = Format("JPEG", metadata="exif", max_side=65500, options=_jpeg_options)
_TIFF = Format(
    "TIFF", alpha=True, metadata="exif", options=lambda _: {"compression": "tiff_deflate"}
)

FORMATS: Mapping[str, Format] = {
    # Pillow's level is 6, which takes 1.7 times as long for paintings and makes them no smaller.
    ".png": Format("PNG", alpha=True, metadata="text", options=lambda _: {"compress_level": 4}),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    ".webp": Format(
        "WEBP", alpha=True, metadata="exif", max_side=16383, options=lambda q: {"quality": q}
    ),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".bmp": Format("BMP"),
    ".gif": Format("GIF", alpha=True, max_side=65535),  # its alpha is 0 or 1
}
"""Extension → format that can be written; many more formats can be read."""


DEPTHS = (8, 16)
"""Bits a sample that can be written."""


METADATA = ("strip", "keep", "keep-location")
"""What becomes of a photograph's own metadata: left out, kept without and with where it was."""

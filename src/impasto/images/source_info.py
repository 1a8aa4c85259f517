"""What a photograph's file says beside its pixels: EXIF, authorship, resolution, frames."""

from __future__ import annotations

import contextlib
import html
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import ExifTags, Image, IptcImagePlugin
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import IFDRational, TiffImageFile

DESCRIPTION, MAKER_NOTE = int(ExifTags.Base.ImageDescription), int(ExifTags.Base.MakerNote)
EXIF_IFD, GPS_IFD = int(ExifTags.IFD.Exif), int(ExifTags.IFD.GPSInfo)
COLOUR_SPACE = int(ExifTags.Base.ColorSpace)
ARTIST, COPYRIGHT = int(ExifTags.Base.Artist), int(ExifTags.Base.Copyright)

METADATA_KEY = "impasto"
"""Under which Impasto stores its own metadata: of a text, or the first word of a description."""

_KEPT = frozenset(
    map(int, [
        ExifTags.Base.ImageDescription, ExifTags.Base.Make, ExifTags.Base.Model,
        ExifTags.Base.Software, ExifTags.Base.DateTime, ExifTags.Base.Artist,
        ExifTags.Base.Copyright, ExifTags.Base.XPTitle, ExifTags.Base.XPComment,
        ExifTags.Base.XPAuthor, ExifTags.Base.XPKeywords, ExifTags.Base.XPSubject,
        ExifTags.Base.Rating,
    ])
)  # fmt: skip

# What is false of the painting (colour space, size, 0x9214 and 0xA214: places in pixels), or
# unreadable when it is moved (notes of the camera's maker, 0xEA1C: padding).
_DROPPED = frozenset(
    map(int, [
        ExifTags.Base.MakerNote, ExifTags.Base.ColorSpace, ExifTags.Base.ExifImageWidth,
        ExifTags.Base.ExifImageHeight, ExifTags.Base.ExifInteroperabilityOffset,
        ExifTags.Base.Gamma, ExifTags.Base.CFAPattern, 0x9214, 0xA214, 0xEA1C,
    ])
)  # fmt: skip

_LONGEST = 4000
"""Bytes of the longest value kept: JPEG has room for 64 kB in all."""

# IPTC records and XMP entries of the same meaning.
_IPTC = {ARTIST: (2, 80), COPYRIGHT: (2, 116), DESCRIPTION: (2, 120)}
_XMP = {ARTIST: "creator", COPYRIGHT: "rights", DESCRIPTION: "description"}
_TEXTS = {ARTIST: "Author", COPYRIGHT: "Copyright", DESCRIPTION: "Description"}  # of PNG


MOST_PAGES = 1000
"""Of a TIFF file that are counted, half a millisecond each."""


@dataclass(frozen=True)
class SourceInfo:
    """What a picture's file says beside its pixels.

    Attributes:
        tags: EXIF of the picture, without what is not true of a painting of it.
        camera: EXIF of how it was taken.
        location: EXIF of where it was taken.
        dpi: Horizontal and vertical resolution, or None.
        size: Height and width of the picture before it was resized, upright; None if unknown.
        frames: Pictures in the file; the first is read. Pages of TIFF files are counted up to
            ``MOST_PAGES``.
        is_animation: Whether they are the frames of an animation, not pages.
    """

    tags: Mapping[int, Any] = field(default_factory=dict)
    camera: Mapping[int, Any] = field(default_factory=dict)
    location: Mapping[int, Any] = field(default_factory=dict)
    dpi: tuple[float, float] | None = None
    size: tuple[int, int] | None = None
    frames: int = 1
    is_animation: bool = False


def read_source_info(image: Image.Image, *, is_file: bool = False) -> SourceInfo:
    """What the file of a Pillow image says; what is broken counts as absent.

    Args:
        image: The image. It may be loaded by this.
        is_file: Whether its pixels are not needed any more, which counting its frames may discard.
    """
    tags: dict[int, Any] = {}
    camera: dict[int, Any] = {}
    location: dict[int, Any] = {}
    with contextlib.suppress(Exception):
        exif = image.getexif()
        tags.update(_plain((tag, exif[tag]) for tag in exif if tag in _KEPT))
        camera.update(_plain(exif.get_ifd(EXIF_IFD).items(), without=_DROPPED))
        location.update(_plain(exif.get_ifd(GPS_IFD).items()))
    if str(tags.get(DESCRIPTION, "")).partition(" ")[0] == METADATA_KEY:
        del tags[DESCRIPTION]  # of another painting, not of a photograph
    for tag in (ARTIST, COPYRIGHT, DESCRIPTION):
        if not tags.get(tag) and (text := next(filter(None, _said_otherwise(image, tag)), "")):
            tags[tag] = text.encode()[:_LONGEST]
    frames, is_animation = _frames(image) if is_file else (1, False)
    return SourceInfo(tags, camera, location, _dpi(image), frames=frames, is_animation=is_animation)


def _plain(
    items: Iterable[tuple[int, Any]], without: frozenset[int] = frozenset()
) -> Iterator[tuple[int, Any]]:
    """Entries that can be written again."""
    for tag, value in items:
        if tag in without or isinstance(value, Mapping):
            continue
        if isinstance(value, str):
            # Pillow decodes as Latin-1 what most programs write as UTF-8: the bytes are kept.
            value = value.rstrip("\0 ").encode("latin-1", "ignore")
            value = value.decode() if value.isascii() else value
        numbers = value if isinstance(value, tuple) else (value,)
        if any(isinstance(n, (float, IFDRational)) and not math.isfinite(n) for n in numbers):
            continue  # 0/0, which cameras write for unknown
        if not isinstance(value, (str, bytes, tuple)) or len(value) <= _LONGEST:
            yield tag, value


def _said_otherwise(image: Image.Image, tag: int) -> Iterator[str]:
    """Author, copyright or description from XMP, IPTC and the texts of PNG files."""
    with contextlib.suppress(Exception):
        xmp = image.info.get("xmp", image.info.get("XML:com.adobe.xmp", b""))
        text = xmp.decode("utf-8", "ignore") if isinstance(xmp, bytes) else str(xmp)
        entry = re.search(rf"<dc:{_XMP[tag]}\b[^>]*>(.*?)</dc:{_XMP[tag]}>", text[: 1 << 20], re.S)
        words = re.findall(r"<rdf:li\b[^>]*>(.*?)</rdf:li>", entry[1], re.S) if entry else []
        yield "; ".join(word for word in map(html.unescape, map(str.strip, words)) if word)
    with contextlib.suppress(Exception):
        records = IptcImagePlugin.getiptcinfo(image) if isinstance(image, ImageFile) else None
        said = (records or {}).get(_IPTC[tag], b"")
        said = said if isinstance(said, list) else [said]
        yield "; ".join(one.decode("utf-8", "replace") for one in said).strip("\0 ")
    text = image.info.get(_TEXTS[tag], "")
    yield text.strip() if isinstance(text, str) else ""


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    with contextlib.suppress(Exception):
        stored = image.info.get("dpi")
        if stored is None:  # EXIF alone says it, in WebP files
            exif = image.getexif()
            unit = 2.54 if exif.get(ExifTags.Base.ResolutionUnit) == 3 else 1.0
            tags = ExifTags.Base.XResolution, ExifTags.Base.YResolution
            stored = [unit * float(exif[tag]) for tag in tags]
        across, down = map(float, stored)
        if 1 < across < 1e5 and 1 < down < 1e5:  # 1 stands for unknown
            return across, down
    return None


def _pages(image: TiffImageFile) -> int:
    """Pages of a TIFF file, as far as they are counted."""
    with contextlib.suppress(EOFError):
        for number in range(1, MOST_PAGES):  # in turn: Pillow counts wrong after a leap
            image.seek(number)
        return MOST_PAGES
    return int(image.tell()) + 1


def _frames(image: Image.Image) -> tuple[int, bool]:
    """The pictures in a file, and whether they are an animation; 1 where they have another use."""
    frames = 1
    with contextlib.suppress(Exception):
        if image.format in ("GIF", "WEBP", "PNG", "AVIF", "FLI"):
            frames = int(getattr(image, "n_frames", 1))
            if image.format == "PNG" and getattr(image, "default_image", False):
                frames -= 1  # a picture for programs that show no animations
            return frames, frames > 1
        if isinstance(image, TiffImageFile):
            info, reduced = dict(image.info), 0
            frames = _pages(image)
            # Smaller copies of the same picture are no pages.
            for number in range(1, min(frames, 64)):
                image.seek(number)
                reduced += int(image.tag_v2.get(254, 0)) & 1
            image.seek(0)
            image.info = info  # of the first page only
            return frames - reduced, False
    return frames, False

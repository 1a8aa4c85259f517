"""Files that Pillow does not read, or not right: what they are, and how to open them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class FileKind:
    """A kind of file.

    Attributes:
        name: With its article, after "is".
        remedy: What to do; empty if a library can read it.
        module: The optional library that reads it.
    """

    name: str
    remedy: str = ""
    module: str = ""


HEIC = FileKind("a HEIC picture", module="pillow_heif")
RAW = FileKind("a camera's raw file", module="rawpy")
AVIF = FileKind("an AVIF picture")  # which Pillow reads

_VIDEO = FileKind("a video", "save one of its frames as a picture, and give that")
_DRAWING = FileKind("a vector drawing", "export it as PNG, in the size that you want")
_PDF = FileKind("a PDF document", "export its page as PNG")
_POSTSCRIPT = FileKind("a PostScript file", "export it as PNG, in the size that you want")
_JXL = FileKind("a JPEG XL picture", "save it as PNG")
_HDR = FileKind("a picture with high dynamic range", "save it as PNG or JPEG")
_PROJECT = FileKind("an image editor's own file", "export it as PNG from that editor")
_ARCHIVE = FileKind("an archive", "unpack it, and give a picture in it")
_PAGE = FileKind("a web page", "download the picture itself")
_APPLE = FileKind(
    "a Mac's companion file, without pixels", "give the file of the same name without '._'"
)
_POINTER = FileKind("a pointer of Git LFS", "fetch the file itself by `git lfs pull`")
TEXT = FileKind("a text file", "give a picture")

_STARTS: Mapping[bytes, FileKind] = {
    b"FUJIFILMCCD-RAW": RAW,
    b"IIRO": RAW,
    b"IIRS": RAW,
    b"MMOR": RAW,
    b"IIU\0": RAW,
    b"FOVb": RAW,
    b"\0MRM": RAW,
    b"%PDF": _PDF,
    b"%!PS": _POSTSCRIPT,
    b"\xc5\xd0\xd3\xc6": _POSTSCRIPT,
    b"\xff\x0a": _JXL,
    b"\0\0\0\x0cJXL \r\n\x87\n": _JXL,
    b"v/1\x01": _HDR,
    b"#?RADIANCE": _HDR,
    b"#?RGBE": _HDR,
    b"gimp xcf": _PROJECT,
    b"8BPS\0\2": _PROJECT,
    b"PK\x03\x04": _ARCHIVE,
    b"\x1f\x8b": _ARCHIVE,
    b"7z\xbc\xaf\x27\x1c": _ARCHIVE,
    b"Rar!": _ARCHIVE,
    b"\x00\x05\x16\x07": _APPLE,
    b"version https://git-lfs": _POINTER,
    b"\xd7\xcd\xc6\x9a": _DRAWING,
    b"\x1a\x45\xdf\xa3": _VIDEO,
    b"\x30\x26\xb2\x75": _VIDEO,
    b"\0\0\1\xba": _VIDEO,
    b"\0\0\1\xb3": _VIDEO,
    b"FLV\1": _VIDEO,
}
"""First bytes → kind."""

_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs")
_QUICKTIME = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

RAW_SUFFIXES = frozenset({
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef",
    ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf",
    ".srw", ".x3f",
})  # fmt: skip
HEIC_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
OTHER_SUFFIXES = frozenset({
    ".jxl", ".svg", ".svgz", ".xcf", ".psb", ".exr", ".hdr", ".kra", ".ora", ".jxr", ".wdp", ".cdr",
})  # fmt: skip
"""Extensions of pictures that cannot be read in any way."""

_DNG_VERSION, _PHOTOMETRIC, _SUBFILE_TYPE, _SUB_IFDS = 50706, 262, 254, 330
_SENSOR_DATA = (32803, 34892)  # colour filter array, linear raw


def kind_of(data: bytes, suffix: str) -> FileKind | None:
    """What a file is that Pillow does not read; None if Pillow may try.

    Args:
        data: Its content.
        suffix: Its extension, in lower case; it decides only for raw files, which are TIFF files
            otherwise.
    """
    if data[4:8] == b"ftyp":
        return _kind_of_brands(data)
    for start, kind in _STARTS.items():
        if data.startswith(start):
            return _DRAWING if suffix == ".svgz" else kind
    if data[4:8] in _QUICKTIME and suffix in (".mov", ".mp4", ".qt"):
        return _VIDEO
    if data[:4] == b"RIFF" and data[8:12] == b"AVI ":
        return _VIDEO
    if data[:4] == b"\1\0\0\0" and data[40:44] == b" EMF":
        return _DRAWING
    if data[:4] in TIFF:
        is_raw = suffix in RAW_SUFFIXES or data[8:10] == b"CR" or is_raw_tiff(first_tags(data))
        return RAW if is_raw else None
    return _kind_of_text(data)


def is_raw_tiff(tags: Mapping[int, int]) -> bool:
    """Whether a TIFF file with such a first page is a raw file, or shows only a preview there."""
    is_preview = tags.get(_SUBFILE_TYPE, 0) & 1 and _SUB_IFDS in tags
    return bool(is_preview or _DNG_VERSION in tags or tags.get(_PHOTOMETRIC) in _SENSOR_DATA)


def first_tags(data: bytes) -> dict[int, int]:
    """Number → value of the tags of a TIFF file's first page; values elsewhere as their offset."""
    order = "<" if data[:2] == b"II" else ">"
    is_big = data[2:4] in (b"+\0", b"\0+")
    try:
        (start,) = struct.unpack_from(order + ("Q" if is_big else "I"), data, 8 if is_big else 4)
        (count,) = struct.unpack_from(order + ("Q" if is_big else "H"), data, start)
        first, step = (start + 8, 20) if is_big else (start + 2, 12)
        tags = {}
        for place in range(first, first + step * min(count, 1000), step):
            number, form = struct.unpack_from(order + "HH", data, place)
            at = place + (12 if is_big else 8)
            tags[number] = struct.unpack_from(order + ("H" if form == 3 else "I"), data, at)[0]
        return tags
    except (struct.error, OverflowError):
        return {}


def _kind_of_brands(data: bytes) -> FileKind:
    """The kind of an ISO media file, by the brands in its first box."""
    length = min(max(16, int.from_bytes(data[:4], "big")), 4096)
    brands = [data[at : at + 4] for at in (8, *range(16, length, 4))]
    if brands[0] == b"crx ":
        return RAW
    if brands[0] in (b"avif", b"avis") or (b"avif" in brands and brands[0] in (b"mif1", b"msf1")):
        return AVIF
    if any(brand in _HEIC_BRANDS for brand in brands) or brands[0] in (b"mif1", b"msf1"):
        return HEIC
    return _JXL if brands[0] == b"jxl " else _VIDEO


def _kind_of_text(data: bytes) -> FileKind | None:
    start = data[:2048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return _PAGE
    if start.startswith((b"<?xml", b"<!doctype svg", b"<!--", b"<svg")) and b"<svg" in start:
        return _DRAWING
    return None


def is_text(data: bytes) -> bool:
    """Whether a file that is no picture is a text."""
    try:
        text = data[:2048].decode("utf-8", "strict" if len(data) <= 2048 else "ignore")
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\t\r\n\f" for letter in text)

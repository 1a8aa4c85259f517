"""Writing pictures, with metadata, in every format; and the checks before hours of work."""

from __future__ import annotations

import contextlib
import json
import os
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from impasto.errors import ImageError, OptionError, option, unknown_name
from impasto.images.deep_files import Levels, write_png, write_tiff
from impasto.images.formats import DEPTHS as DEPTHS
from impasto.images.formats import FORMATS, Format
from impasto.images.formats import METADATA as METADATA
from impasto.images.icc import srgb_profile
from impasto.images.opening import open_file
from impasto.images.picture import PictureLike, as_float, check_tensors, read, to_pil
from impasto.images.source_info import (
    ARTIST,
    COLOUR_SPACE,
    COPYRIGHT,
    DESCRIPTION,
    EXIF_IFD,
    GPS_IFD,
    MAKER_NOTE,
    METADATA_KEY,
    SourceInfo,
)
from impasto.runtime.files import atomic_write, check_writable

_LOOKS_LIKE_FILE = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}")

_LONGEST_EXIF = 65_000  # bytes, of JPEG
_STRIP_PIXELS = 2**16
_ICC_TAG, _RESOLUTION_TAGS, _RESOLUTION_UNIT, _INCH = 34675, (282, 283), 296, 2


def write(
    path: str | Path,
    image: Tensor | PictureLike,
    *,
    alpha: Tensor | None = None,
    quality: int = 95,
    depth: int = 8,
    metadata: Mapping[str, str] | None = None,
    source: SourceInfo | None = None,
    source_metadata: str = "strip",
) -> Path:
    """Write a picture in the format of the extension, whole or not at all.

    The sRGB profile is embedded if the format supports it. A format without alpha (JPEG, BMP) shows
    the picture over white; a format without metadata (BMP, GIF) drops them.

    Args:
        path: The file to write, with an extension of ``FORMATS``; parent folders are created.
        image: (1, 3, H, W), sRGB in [0, 1], or uint8; or a Pillow image, an array or a picture
            that was read, see :func:`impasto.read_image`.
        alpha: (1, 1, H, W) in [0, 1], or None.
        quality: Of JPEG and WebP, 1 to 100; from 90 on, JPEG keeps colours at full resolution.
        depth: Bits a sample: 8, or 16 in PNG and TIFF.
        metadata: Names and values, to be read by :func:`read_metadata`.
        source: What the file of the photograph says that was painted.
        source_metadata: ``"strip"``: nothing of that is written; ``"keep"``: EXIF, author,
            copyright and resolution are, but not where it was taken; ``"keep-location"``: that,
            too. The orientation is applied already, so none is written.

    Returns:
        The path.

    Raises:
        ImageError: If the path cannot be written, the tensors are not a picture, or the format
            does not have the depth.
        OptionError: If the quality, the depth or ``source_metadata`` is not allowed.
    """
    path = Path(path)
    kind = _format_of(path, quality, depth)
    if source_metadata not in METADATA:
        raise unknown_name(option("metadata"), source_metadata, METADATA)
    if not isinstance(image, Tensor):
        given = read(image)
        image, alpha = given.tensor, given.alpha if alpha is None else alpha
    check_tensors(image, alpha)
    check_format_size(path, (image.shape[-2], image.shape[-1]))
    kept = None if source_metadata == "strip" else source
    tags = _kept_tags(kept, with_location=source_metadata == "keep-location")
    dpi = None if kept is None else kept.dpi
    contents = _Contents(image, alpha, metadata if kind.metadata else None, tags, dpi)
    is_own = depth == 16 or (kind.name == "TIFF" and bool(tags))
    own_writer = _OWN_WRITERS[kind.name] if is_own else None
    with atomic_write(path, error=ImageError) as temporary:
        if own_writer is not None:
            own_writer(temporary, contents, depth)
            return path
        picture = to_pil(image, alpha)
        if alpha is not None and not kind.alpha:
            white = Image.new("RGBA", picture.size, "white")
            picture = Image.alpha_composite(white, picture).convert("RGB")
        options = kind.options(quality) | _pillow_options(kind, contents)
        try:
            picture.save(temporary, kind.name, icc_profile=srgb_profile(), **options)
        except ValueError as problem:  # JPEG holds at most 64 kB of metadata
            raise ImageError(f"{path} could not be written ({problem}): choose .png.") from problem
    return path


def check_output(
    path: str | Path, *, quality: int = 95, depth: int = 8, size: tuple[int, int] | None = None
) -> Path:
    """Make the checks of :func:`write` that need no picture, before hours of work.

    Args:
        path: The file to write.
        quality: See :func:`write`.
        depth: See :func:`write`.
        size: Height and width, if known.

    Returns:
        The path.

    Raises:
        ImageError: If the extension is not in ``FORMATS``, the format does not support the size or
            the depth, or the path cannot be written.
        OptionError: If the quality or the depth is out of range.
    """
    path = Path(path)
    _format_of(path, quality, depth)
    if size is not None:
        check_format_size(path, size)
    check_writable(path, error=ImageError)
    return path


def check_format_size(path: Path, size: tuple[int, int], *, remedy: str = "") -> None:
    """Check that the format of a file supports a height and width.

    Args:
        path: A file with an extension of ``FORMATS``.
        size: Height and width in pixels.
        remedy: What to do instead; by default, to choose one of the formats with a higher limit.

    Raises:
        ImageError: If a side is too long.
    """
    limit = FORMATS[path.suffix.lower()].max_side
    if max(size) > limit:
        larger = [suffix for suffix, other in FORMATS.items() if other.max_side > limit]
        raise ImageError(
            f"{path} would be {size[1]} × {size[0]} pixels, but {path.suffix} allows at most "
            f"{limit} a side: {remedy or 'choose one of ' + ', '.join(larger)}."
        )


def read_metadata(path: str | Path) -> dict[str, str]:
    """The metadata that :func:`write` stored in a file; empty if there are none.

    Raises:
        ImageError: If the file is missing or not a picture.
    """
    image = open_file(Path(path)).image
    with contextlib.suppress(Exception):  # metadata of other programs may be broken in any way
        # That of the base class: the one of PNG decodes all pixels, however many there are.
        text = image.info.get(METADATA_KEY) or _text_in_exif(Image.Image.getexif(image))
        entries = json.loads(text)
        return {name: value for name, value in entries.items() if isinstance(value, str)}
    return {}


# --- what goes into a file ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Contents:
    """A picture, Impasto's own metadata as text, and what is kept of the photograph's file."""

    image: Tensor
    alpha: Tensor | None
    metadata: Mapping[str, str] | None
    tags: dict[int, Any]
    dpi: tuple[float, float] | None

    @property
    def channels(self) -> int:
        return 3 if self.alpha is None else 4

    @property
    def size(self) -> tuple[int, int]:
        return self.image.shape[-2], self.image.shape[-1]

    @property
    def text(self) -> str:
        # ASCII JSON, as an EXIF description cannot hold anything else.
        return json.dumps(dict(self.metadata)) if self.metadata else ""


def _kept_tags(source: SourceInfo | None, *, with_location: bool) -> dict[int, Any]:
    """EXIF to write: the first directory, whose entries for others are mappings."""
    if source is None:
        return {}
    tags = _writable(source.tags)
    if camera := _writable(source.camera, EXIF_IFD):
        tags[EXIF_IFD] = {**camera, COLOUR_SPACE: 1}
    if with_location and (location := _writable(source.location, GPS_IFD)):
        tags[GPS_IFD] = location
    return tags


def _writable(entries: Mapping[int, Any], directory: int = 0) -> dict[int, Any]:
    """The entries of a directory that can be written: a broken file may have values of any type."""

    def is_writable(tag: int, value: Any) -> bool:
        try:
            _filled({directory: {tag: value}} if directory else {tag: value}).tobytes()
        except Exception:  # Pillow raises many classes
            return False
        return True

    return {tag: value for tag, value in entries.items() if is_writable(tag, value)}


def _exif(contents: _Contents, text: str) -> Image.Exif:
    """EXIF with what is kept of the photograph's, and Impasto's metadata if it is put there."""
    exif = _filled(_with_text(contents.tags, text))
    if len(exif.tobytes()) > _LONGEST_EXIF:  # what matters most stays
        tags = {t: v for t, v in contents.tags.items() if t in (ARTIST, COPYRIGHT, DESCRIPTION)}
        exif = _filled(_with_text(tags, text))
    return exif


def _filled(tags: Mapping[int, Any]) -> Image.Exif:
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    return exif


def _with_text(tags: Mapping[int, Any], text: str) -> dict[int, Any]:
    """EXIF with a text of Impasto's as the description, or as maker's note beside another one."""
    if not text:
        return dict(tags)
    line = f"{METADATA_KEY} {text}"
    if DESCRIPTION not in tags:
        return {**tags, DESCRIPTION: line}
    camera = {**tags.get(EXIF_IFD, {}), MAKER_NOTE: line.encode()}
    return {**tags, EXIF_IFD: camera}


def _text_in_exif(exif: Image.Exif) -> str:
    note = exif.get_ifd(EXIF_IFD).get(MAKER_NOTE, b"")
    for said in (
        exif.get(ExifTags.Base.ImageDescription, ""),
        bytes(note).decode("ascii", "ignore"),
    ):
        key, _, text = said.partition(" ")
        if key == METADATA_KEY:
            return text
    return ""


def _pillow_options(kind: Format, contents: _Contents) -> dict[str, Any]:
    """Options of Pillow's ``save`` for metadata."""
    options: dict[str, Any] = {}
    if contents.dpi is not None and kind.name != "WEBP":
        options["dpi"] = contents.dpi
    if not kind.metadata:
        return options
    if kind.metadata == "text":
        if contents.text:
            chunks = PngInfo()
            chunks.add_itxt(METADATA_KEY, contents.text)
            options["pnginfo"] = chunks
        return options | ({"exif": _exif(contents, "")} if contents.tags else {})
    if kind.name == "WEBP":  # which has no other place for it
        contents = replace(contents, tags=contents.tags | _resolution_tags(contents.dpi))
    if contents.text or contents.tags:
        options["exif"] = _exif(contents, contents.text)
    return options


def _resolution_tags(dpi: tuple[float, float] | None) -> dict[int, Any]:
    if dpi is None:
        return {}
    return {**dict(zip(_RESOLUTION_TAGS, dpi, strict=True)), _RESOLUTION_UNIT: _INCH}


# --- formats that Pillow writes in 8 bits only ----------------------------------------------------


def _write_png(path: Path, contents: _Contents, depth: int) -> None:
    packed = zlib.compress(srgb_profile())
    chunks = [(b"iCCP", b"ICC Profile\0\0" + packed)]
    if contents.dpi is not None:
        across, down = (round(dots / 0.0254) for dots in contents.dpi)
        chunks.append((b"pHYs", struct.pack(">2IB", across, down, 1)))
    if contents.text:
        head = METADATA_KEY.encode() + b"\0\0\0\0\0"
        chunks.append((b"iTXt", head + contents.text.encode("ascii")))
    if contents.tags:
        body = _exif(contents, "").tobytes().removeprefix(b"Exif\0\0")
        chunks.append((b"eXIf", body))
    write_png(path, _levels(contents, depth), contents.size, contents.channels, chunks)


def _write_tiff(path: Path, contents: _Contents, depth: int) -> None:
    tags = _with_text(contents.tags, contents.text) | _resolution_tags(contents.dpi)
    tags[_ICC_TAG] = srgb_profile()
    write_tiff(path, _levels(contents, depth), contents.size, contents.channels, tags)


_OWN_WRITERS: Mapping[str, Callable[[Path, _Contents, int], None]] = {
    "PNG": _write_png,
    "TIFF": _write_tiff,
}
"""Format → writer of both depths for TIFF, of 16 bits for PNG."""


def _levels(contents: _Contents, depth: int) -> Iterator[Levels]:
    """The picture in strips (h, W, channels) of whole numbers."""
    height, width = contents.size
    white, kind = (255, np.uint8) if depth == 8 else (65535, np.uint16)
    rows = max(1, _STRIP_PIXELS // width)
    for first in range(0, height, rows):
        parts = [contents.image, *([] if contents.alpha is None else [contents.alpha])]
        part = torch.cat(
            [as_float(p[..., first : first + rows, :].cpu()).float() for p in parts], 1
        )
        whole = (part.detach().double() * white).round().clamp(0, white)
        yield whole[0].permute(1, 2, 0).numpy().astype(kind)


# --- paths ----------------------------------------------------------------------------------------


def unknown_suffix(path: Path) -> ImageError:
    """The error for a file whose extension names no format that can be written."""
    got = f"the extension '{path.suffix}'" if path.suffix else "no extension"
    near = get_close_matches(path.suffix.lower(), FORMATS, n=1) if path.suffix else []
    hint = f" Did you mean {path.with_suffix(near[0])}?" if near else ""
    return ImageError(
        f"{path} has {got}, which names no format: choose one of {', '.join(FORMATS)}.{hint}"
    )


def looks_like_file(path: Path) -> bool:
    """Whether a name is that of a file rather than of a folder: it has an extension.

    Folders that exist are none, and ``run.1`` and ``2026.05`` have none.
    """
    return not os.path.isdir(path) and bool(_LOOKS_LIKE_FILE.fullmatch(path.suffix))


def check_folder_name(path: Path) -> None:
    """Check that a name for a folder is not meant as a file: a new one with a file's extension.

    Raises:
        ImageError: For a name such as ``out.heic`` or ``out.jpgg``, and for ``-``.
    """
    if str(path) == "-":
        raise ImageError("- is no file, and pictures are not written to standard output: name one.")
    if path.suffix.lower() not in FORMATS and looks_like_file(path):
        error = unknown_suffix(path)
        raise ImageError(f"{error.message} If it is to be a folder, make the folder first.")


def _format_of(path: Path, quality: int, depth: int) -> Format:
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise unknown_suffix(path)
    if not 1 <= quality <= 100:
        raise OptionError(f"The quality is {quality}: choose 1 to 100.")
    if depth not in DEPTHS:
        raise OptionError(f"{option('depth')} is the bits a sample: 8 or 16, not {depth}.")
    if depth == 16 and kind.name not in _OWN_WRITERS:
        deep = [suffix for suffix, other in FORMATS.items() if other.name in _OWN_WRITERS]
        raise ImageError(
            f"{path} would have {option('depth')} 16, but {path.suffix} holds 8 bits: choose one "
            f"of {', '.join(deep)}."
        )
    return kind

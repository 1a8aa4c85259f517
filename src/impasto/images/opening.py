"""Opening picture files: by Pillow, or by the libraries for HEIC and raw files."""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from impasto.errors import ImageError, ImpastoError
from impasto.images import file_kinds, jpeg, png, tiff
from impasto.images.file_kinds import FileKind
from impasto.runtime.in_memory import gone, kind_of_label
from impasto.runtime.optional import require
from impasto.runtime.reading import read_capped

_COMPRESSION, _ICC_PROFILE = 259, 34675  # tags of TIFF


@dataclass(frozen=True)
class OpenedFile:
    """A picture file whose header was read.

    Attributes:
        image: The Pillow image; its pixels need not be loaded yet. Of a raw file, only its
            metadata.
        data: The content of the file, as Pillow read it.
        raw: The raw file as opened by rawpy, or None.
        code_points: Primaries and transfer by ITU-T H.273, or None.
        transparent: The grey value or the colour that is transparent; empty if there is none.
        tiff: Tags and layout of a TIFF file that is read by :mod:`impasto.images.tiff`, or None.
    """

    image: Image.Image
    data: bytes = b""
    raw: Any = None
    code_points: tuple[int, int] | None = None
    transparent: tuple[int, ...] = ()
    tiff: tuple[ImageFileDirectory_v2, tiff.Layout] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        if self.raw is not None:
            return self.raw.sizes.iwidth, self.raw.sizes.iheight
        return self.image.size if self.tiff is None else self.tiff[1].upright_size


def open_file(path: Path) -> OpenedFile:
    """Open a picture file and read its header, without loading its pixels.

    Raises:
        ImageError: If the file is missing, a folder, empty, unreadable, or not a picture.
    """
    data = _read_bytes(path)
    kind = file_kinds.kind_of(data, path.suffix.lower())
    if kind is not None and kind is not file_kinds.AVIF:
        return _open_foreign(path, data, kind)
    if data.startswith(png.SIGNATURE):
        return _open_png(path, data)
    with pillow_errors(str(path)):
        image = _identify(io.BytesIO(data))
    if data[:4] in file_kinds.TIFF and (opened := _open_tiff(path, data, image)) is not None:
        return opened
    if image is None:
        raise _unknown(path, data, kind)
    if image.format in ("JPEG", "MPO") and jpeg.has_many_scans(data):
        raise ImageError(
            f"{path} is a JPEG file with more than {jpeg.MOST_SCANS} scans, which takes too long "
            "to read: save it again from an image editor."
        )
    code_points = None if kind is None else _nclx(data)
    return OpenedFile(image, data, code_points=code_points)


@contextlib.contextmanager
def pillow_errors(name: str) -> Iterator[None]:
    """Turn any error of Pillow into an ``ImageError`` about ``name``."""
    try:
        yield
    except Image.DecompressionBombError as problem:
        # Only the WebP reader and a few rare ones check Pillow's own limit themselves.
        raise ImageError(
            f"{name} has more pixels than Pillow reads from this format: save it as PNG."
        ) from problem
    except MemoryError as problem:
        raise ImageError(f"{name} does not fit into memory: make it smaller.") from problem
    except ImageError:
        raise
    except Exception as problem:  # broken files make its readers raise nearly any built-in error
        reason = " ".join(str(problem).split()) or type(problem).__name__
        raise ImageError(
            f"{name} is damaged or cut short ({reason}): "
            "get the file again, or save it again from an image editor."
        ) from problem


def _read_bytes(path: Path) -> bytes:
    if os.path.isdir(path):
        raise ImageError(f"{path} is a folder: name a picture file in it.")
    if not _is_readable_file(path):
        raise ImageError(f"{path} is a device or a named pipe: name a picture file.")
    try:
        data = read_capped(path, error=ImageError)
    except FileNotFoundError:
        if kind_of_label(str(path)):
            raise gone(str(path)) from None
        if re.match(r"https?:[\\/]", str(path)):
            raise ImageError(
                f"{path} is an address of the web: download the picture, and name its file."
            ) from None
        raise ImageError(f"There is no file {path}: check its name and folder.") from None
    except OSError as problem:
        raise ImageError(
            f"{path} cannot be read ({problem.strerror}): change its permissions, or copy it."
        ) from problem
    if not data:
        raise ImageError(f"{path} is empty (0 bytes): get the file again.")
    return data


def _is_readable_file(path: Path) -> bool:
    """Whether reading ends: not of a device or named pipe, except one that a shell handed over."""
    with contextlib.suppress(OSError, ValueError):
        mode = path.stat().st_mode
        is_endless = stat.S_ISCHR(mode) or stat.S_ISBLK(mode) or stat.S_ISFIFO(mode)
        given = ("/dev/fd", "/dev/stdin", "/proc")
        return not is_endless or any(path.is_relative_to(place) for place in given)
    return True


def _open_tiff(path: Path, data: bytes, image: Image.Image | None) -> OpenedFile | None:
    """A TIFF file that Pillow does not read right; None for any other."""
    try:
        tags = tiff.read_tags(data)
        if name := tiff.UNREAD_COMPRESSIONS.get(tags.get(_COMPRESSION, 1)):
            raise ImageError(
                f"{path} is a TIFF file with {name} compression, which is not read: "
                "save it with another one, or as PNG."
            )
        if (layout := tiff.layout_of(tags)) is None:
            return None
        if image is None:
            image = Image.new("RGB", (1, 1))
            image.info["icc_profile"] = tags.get(_ICC_PROFILE)
            with contextlib.suppress(Exception):  # BigTIFF files, and damaged ones
                image.getexif().load(data)
        return OpenedFile(image, data, tiff=(tags, layout))
    except ImageError:
        raise
    except Exception:  # of many classes, for a damaged file
        return None


def _open_png(path: Path, data: bytes) -> OpenedFile:
    parts = png.parse(data)
    with pillow_errors(str(path)):
        image = _identify(io.BytesIO(parts.data))
    if image is None:
        raise _unknown(path, data, None)
    if parts.profile is not None:
        image.info["icc_profile"] = parts.profile
    if parts.transparent and "transparency" in image.info:
        image.info["transparency"] = _expanded(parts)
    return OpenedFile(
        image, parts.data, code_points=parts.code_points, transparent=parts.transparent
    )


def _expanded(parts: png.Png) -> int | tuple[int, ...]:
    """The transparent value or colour in the levels of Pillow's image, which has 8 or 16 bits."""
    if parts.colour_type == 2:
        return parts.transparent
    (value,) = parts.transparent
    return value if parts.bits in (8, 16) else value * 255 // ((1 << parts.bits) - 1)


def _open_foreign(path: Path, data: bytes, kind: FileKind) -> OpenedFile:
    """Open a file that Pillow does not read.

    Raises:
        ImageError: If nothing reads it, or the library that does is not installed.
    """
    if not kind.module:
        raise ImageError(f"{path} is {kind.name}: {kind.remedy}.")
    try:
        library = require(kind.module, by=f"{path} is {kind.name}, which", hint="or save it as PNG")
    except ImpastoError as error:
        raise ImageError(error.message) from None
    if kind is file_kinds.RAW:
        try:
            raw = library.imread(io.BytesIO(data))
        except Exception as problem:
            raise ImageError(
                f"{path} is a camera's raw file that LibRaw cannot open ({_reason(problem)}): "
                "save it as DNG, TIFF or PNG from a raw converter."
            ) from problem
        image = Image.new("RGB", (1, 1))
        with contextlib.suppress(Exception):  # the metadata of raw files that are TIFF files
            image.getexif().load(data)
        return OpenedFile(image, data, raw=raw)
    with pillow_errors(str(path)):
        image = library.HeifImageFile(io.BytesIO(data), "")
    return OpenedFile(image, data, code_points=_nclx(data))


def _reason(problem: Exception) -> str:
    text = problem.args[0] if problem.args else ""
    text = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return " ".join(text.split()) or type(problem).__name__


def _unknown(path: Path, data: bytes, kind: FileKind | None) -> ImageError:
    if kind is file_kinds.AVIF:
        return ImageError(
            f"{path} is an AVIF picture, which this Pillow does not read: "
            "pip install -U pillow, or save it as PNG."
        )
    if data[:2] == b"\xff\xd8" or data[:4] in file_kinds.TIFF:
        form = "JPEG" if data[:2] == b"\xff\xd8" else "TIFF"
        return ImageError(
            f"{path} is a {form} file of a kind that cannot be read, or damaged: save it as PNG "
            "from an image editor."
        )
    if file_kinds.is_text(data):
        return ImageError(f"{path} is {file_kinds.TEXT.name}: {file_kinds.TEXT.remedy}.")
    return ImageError(
        f"{path} is not a picture in a known format, or its header is damaged: "
        "save it as PNG from an image editor."
    )


def _identify(stream: io.BytesIO) -> Image.Image | None:
    """``Image.open`` without its limit on pixels, a global of the process that is not ours."""
    prefix = stream.read(16)
    for register_readers in (Image.preinit, Image.init):  # the five common ones, then all
        register_readers()
        for name in Image.ID:
            if name in ("EPS", "HEIF"):  # EPS is rendered by an external program, Ghostscript
                continue
            reader, accepts = Image.OPEN[name]
            with contextlib.suppress(SyntaxError, IndexError, TypeError, struct.error):
                accepted = accepts(prefix) if accepts else True
                if accepted and not isinstance(accepted, str):  # a string says why not
                    stream.seek(0)
                    return reader(stream, "")
    return None


def _nclx(data: bytes) -> tuple[int, int] | None:
    """Primaries and transfer of an AVIF or HEIC file: the first ``colr`` box with code points."""
    place = data.find(b"colrnclx", 0, 1 << 16)
    if place < 0 or place + 12 > len(data):
        return None
    primaries, transfer = struct.unpack_from(">HH", data, place + 8)
    return primaries, transfer

"""Writers of PNG and TIFF files with 16 bits a sample, which Pillow does not write in colour.

TIFF files of 8 bits are written here, too, if they hold EXIF, of which Pillow writes only a part.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from impasto.errors import ImageError
from impasto.images.png import SIGNATURE

Levels = NDArray[np.uint8] | NDArray[np.uint16]

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC = 256, 257, 258, 259, 262
_STRIP_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 277, 278, 279
_PLANAR, _PREDICTOR, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 284, 317, 338, 339
_DEFLATE, _RGB, _DIFFERENCES, _NOT_PREMULTIPLIED = 8, 2, 2, 2


def write_png(
    path: Path,
    rows: Iterable[Levels],
    size: tuple[int, int],
    channels: int,
    chunks: Iterable[tuple[bytes, bytes]],
) -> None:
    """Write a PNG file with 16 bits a sample.

    Args:
        path: The file.
        rows: The picture in strips (h, W, channels) from the top.
        size: Height and width.
        channels: 3 for RGB, 4 with alpha.
        chunks: Name and content of what is written before the pixels.
    """
    height, width = size
    header = struct.pack(">2I5B", width, height, 16, {3: 2, 4: 6}[channels], 0, 0, 0)
    packer = zlib.compressobj(6)
    with path.open("wb") as file:
        file.write(SIGNATURE)
        for name, body in [(b"IHDR", header), *chunks]:
            _write_chunk(file, name, body)
        for line in _filtered(rows, 2 * channels):
            if packed := packer.compress(line):
                _write_chunk(file, b"IDAT", packed)
        _write_chunk(file, b"IDAT", packer.flush())
        _write_chunk(file, b"IEND", b"")


def write_tiff(
    path: Path,
    rows: Iterable[Levels],
    size: tuple[int, int],
    channels: int,
    tags: Mapping[int, Any],
) -> None:
    """Write a TIFF file, deflated.

    Args:
        path: The file.
        rows: The picture in strips (h, W, channels) of one height from the top; the last strip may
            be lower.
        size: Height and width.
        channels: 3 for RGB, 4 with alpha.
        tags: Number → value of further tags; a mapping is a directory of its own.

    Raises:
        ImageError: Beyond the four gigabytes that a TIFF file can have.
    """
    height, width = size
    offsets, lengths, strip_height, bits = [], [], height, 8
    with path.open("wb") as file:
        file.write(b"II*\0" + bytes(4))
        for number, strip in enumerate(rows):
            if number == 0:
                strip_height, bits = len(strip), 8 * strip.itemsize
            changes = strip.copy()
            changes[:, 1:] -= strip[:, :-1]
            packed = zlib.compress(changes.astype(strip.dtype.newbyteorder("<")).tobytes(), 6)
            offsets.append(file.tell())
            lengths.append(len(packed))
            file.write(packed + bytes(len(packed) % 2))
        ifd = ImageFileDirectory_v2(prefix=b"II")
        alpha = {_EXTRA_SAMPLES: (_NOT_PREMULTIPLIED,)} if channels == 4 else {}
        own = {
            _WIDTH: width,
            _HEIGHT: height,
            _BITS: (bits,) * channels,
            _COMPRESSION: _DEFLATE,
            _PHOTOMETRIC: _RGB,
            _STRIP_OFFSETS: tuple(offsets),
            _SAMPLES: channels,
            _ROWS_PER_STRIP: strip_height,
            _STRIP_BYTES: tuple(lengths),
            _PLANAR: 1,
            _PREDICTOR: _DIFFERENCES,
            _SAMPLE_FORMAT: (1,) * channels,
            **alpha,
        }
        for tag, value in {**tags, **own}.items():
            ifd[tag] = value
        # Pillow would store short lists as 16 bits.
        ifd.tagtype.update({_STRIP_OFFSETS: 4, _STRIP_BYTES: 4})
        start = file.tell()
        if start > 0xF000_0000:
            raise ImageError(f"{path.name} would be larger than TIFF allows: choose .png.")
        file.write(_with_offsets(ifd.tobytes(start), start, offsets))
        file.seek(4)
        file.write(struct.pack("<I", start))


def _with_offsets(directory: bytes, start: int, offsets: list[int]) -> bytes:
    """A directory at ``start`` with these offsets of strips, which Pillow takes for relative."""
    changed = bytearray(directory)
    (count,) = struct.unpack_from("<H", directory)
    for place in range(2, 2 + 12 * count, 12):
        (tag,) = struct.unpack_from("<H", directory, place)
        if tag == _STRIP_OFFSETS:
            (elsewhere,) = struct.unpack_from("<I", directory, place + 8)
            at = place + 8 if len(offsets) == 1 else elsewhere - start
            struct.pack_into(f"<{len(offsets)}I", changed, at, *offsets)
    return bytes(changed)


def _write_chunk(file: BinaryIO, name: bytes, body: bytes) -> None:
    file.write(struct.pack(">I", len(body)) + name + body)
    file.write(struct.pack(">I", zlib.crc32(body, zlib.crc32(name))))


def _filtered(rows: Iterable[Levels], pixel: int) -> Iterator[bytes]:
    """Strips as the filtered bytes of PNG: of each row, the filter with the smallest sum.

    Args:
        rows: Strips (h, W, channels).
        pixel: Bytes of a pixel.
    """
    above = None
    for strip in rows:
        lines = strip.astype(">u2").reshape(len(strip), -1).view(np.uint8)
        up = np.concatenate([np.zeros_like(lines[:1]) if above is None else above, lines[:-1]])
        above = lines[-1:].copy()
        left, corner = (np.pad(part, ((0, 0), (pixel, 0)))[:, :-pixel] for part in (lines, up))
        choices = np.stack([lines - left, lines - up, lines - _paeth(left, up, corner)])
        costs = np.abs(choices.view(np.int8).astype(np.int16)).sum(2, dtype=np.int64)
        best = costs.argmin(0)
        chosen = choices[best, np.arange(len(lines))]
        names = np.array([1, 2, 4], np.uint8)[best]
        yield np.concatenate([names[:, None], chosen], axis=1).tobytes()


def _paeth(left: Levels, up: Levels, corner: Levels) -> NDArray[np.uint8]:
    """The predictor of Paeth: which of the neighbours is nearest to left + up - corner."""
    a, b, c = (part.astype(np.int16) for part in (left, up, corner))
    to_left, to_up, to_corner = abs(b - c), abs(a - c), abs(a + b - 2 * c)
    nearest = np.where((to_left <= to_up) & (to_left <= to_corner), a,
                       np.where(to_up <= to_corner, b, c))  # fmt: skip
    return nearest.astype(np.uint8)

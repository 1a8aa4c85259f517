"""Picture files of rare kinds, written from their specifications, independent of Pillow."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Colour type of PNG → channels."""

_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
           (1, 0, 2, 1))  # fmt: skip


def smooth(height: int = 30, width: int = 34, channels: int = 3) -> np.ndarray:
    """Floats (H, W, C) in [0, 1], different in every corner and channel."""
    down, right = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    waves = [down, right, (1 + np.sin(5 * down + 3 * right)) / 2, (1 + down * right) / 2]
    return np.stack(waves[:channels], axis=-1)


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(
    samples: np.ndarray,
    bits: int,
    colour_type: int,
    *,
    chunks: tuple[tuple[bytes, bytes], ...] = (),
    interlaced: bool = False,
) -> bytes:
    """A PNG file of integer samples (H, W, C), with further chunks before the pixels."""
    height, width, _ = samples.shape
    header = struct.pack(">2I5B", width, height, bits, colour_type, 0, 0, int(interlaced))
    parts = [samples[y::dy, x::dx] for y, x, dy, dx in _PASSES] if interlaced else [samples]
    lines = b"".join(b"\0" + line for part in parts if part.size for line in _packed(part, bits))
    body = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    return SIGNATURE + b"".join(png_chunk(name, data) for name, data in body)


def _packed(samples: np.ndarray, bits: int) -> Iterator[bytes]:
    """The bytes of each row."""
    for row in samples.reshape(len(samples), -1):
        if bits == 16:
            yield row.astype(">u2").tobytes()
        elif bits == 8:
            yield row.astype(np.uint8).tobytes()
        else:
            places = (row[:, None] >> np.arange(bits - 1, -1, -1)) & 1
            yield np.packbits(places.astype(np.uint8).ravel()).tobytes()


def isobmff_colour(data: bytes, primaries: int, transfer: int) -> bytes:
    """An AVIF file whose code points are replaced; it must have some."""
    place = data.index(b"colrnclx") + 8
    return data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :]

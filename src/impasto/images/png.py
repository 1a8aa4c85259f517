"""What PNG files say in their chunks beyond what Pillow tells of them, and texts that are too long.

Pillow refuses a picture with a text or an ICC profile above a megabyte, drops the lower bytes of a
transparent colour's 16 bits, and knows nothing of cICP.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_LONGEST_TEXT = 1 << 20  # Pillow's own limits: for a text, and
_ALL_TEXT = 1 << 24  # well below that for all texts
_LARGEST_PROFILE = 1 << 25  # the largest in use, of printing presses, have some megabytes


@dataclass(frozen=True)
class Png:
    """The parts of a PNG file.

    Attributes:
        data: The file without texts that are too long and without its ICC profile if that is.
        bits: Bits of a sample, or of an index into the palette.
        colour_type: 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha.
        transparent: The grey value or the colour that is transparent; empty if there is none.
        profile: ICC profile that was left out of ``data``, or None.
        code_points: Primaries and transfer of cICP, or None.
    """

    data: bytes
    bits: int = 8
    colour_type: int = 2
    transparent: tuple[int, ...] = ()
    profile: bytes | None = None
    code_points: tuple[int, int] | None = None


def parse(data: bytes) -> Png:
    """The parts of a PNG file; of a damaged one, those before the damage."""
    bits, colour_type, transparent, profile, code_points = 8, 2, (), None, None
    dropped: list[tuple[int, int]] = []
    text_left = _ALL_TEXT
    for name, start, end in _chunks(data):
        body = data[start + 8 : end - 4] if name in _READ else b""
        if name == b"IHDR" and len(body) >= 13:
            bits, colour_type = body[8], body[9]
        elif name == b"tRNS" and colour_type in (0, 2) and len(body) >= (2, 0, 6)[colour_type]:
            count = 3 if colour_type == 2 else 1
            mask = (1 << bits) - 1
            transparent = tuple(v & mask for v in struct.unpack_from(f">{count}H", body))
        elif name == b"cICP" and len(body) >= 4:
            code_points = body[0], body[1]
        elif name == b"iCCP":
            unpacked = _unpacked(body.partition(b"\0")[2][1:], _LARGEST_PROFILE)
            if unpacked is None or len(unpacked) > _LONGEST_TEXT:
                profile = unpacked
                dropped.append((start, end))
        elif name in _TEXTS:
            text_left -= (length := _text_length(name, body))
            if length > _LONGEST_TEXT or text_left < 0:
                dropped.append((start, end))
                text_left += length
    return Png(_without(data, dropped), bits, colour_type, transparent, profile, code_points)


_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_READ = (b"IHDR", b"tRNS", b"cICP", b"iCCP", *_TEXTS)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of every whole chunk."""
    start = len(SIGNATURE)
    while start + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, start)
        end = start + 12 + length
        if end > len(data):
            return
        yield data[start + 4 : start + 8], start, end
        start = end


def _without(data: bytes, dropped: list[tuple[int, int]]) -> bytes:
    if not dropped:
        return data
    starts, ends = [start for start, _ in dropped], [end for _, end in dropped]
    return b"".join(data[a:b] for a, b in zip([0, *ends], [*starts, len(data)], strict=True))


def _text_length(name: bytes, body: bytes) -> int:
    """Bytes of a text when it is unpacked; more than allowed if it is broken or longer."""
    rest = body.partition(b"\0")[2]
    if name == b"tEXt" or (name == b"iTXt" and rest[:1] != b"\1"):
        return len(rest)
    packed = rest[1:]
    if name == b"iTXt":  # flag, method, language, translated keyword
        packed = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    unpacked = _unpacked(packed, _LONGEST_TEXT)
    return _LONGEST_TEXT + 1 if unpacked is None else len(unpacked)


def _unpacked(packed: bytes, limit: int) -> bytes | None:
    """Data unpacked by zlib; None if it is longer than a limit. Broken data counts as empty."""
    try:
        unpacked = zlib.decompressobj().decompress(packed, limit + 1)
    except zlib.error:
        return b""
    return None if len(unpacked) > limit else unpacked

"""Small files that unfold to much, or ask for much work, take neither memory nor time."""

import contextlib
import io
import struct
import time
import zlib
from pathlib import Path

import pytest
from PIL import Image

from helpers.picture_files import png_chunk
from impasto import images
from impasto.errors import ImageError
from impasto.images.jpeg import MOST_SCANS, has_many_scans
from impasto.images.source_info import MOST_PAGES
from impasto.jobs.sources import content_notes
from impasto.runtime.memory import peak_bytes

SIDE = 16
UNFOLDED = 300 << 20
MOST_GROWTH = 120e6
MOST_SECONDS = 5.0  # of processor time


@pytest.fixture(scope="module")
def zeros():
    """Zeros, deflated a thousandfold."""
    deflate, block = zlib.compressobj(9), bytes(1 << 20)
    parts = [deflate.compress(block) for _ in range(UNFOLDED >> 20)]
    return b"".join([*parts, deflate.flush()])


def png(*chunks, depth=8, colours=2):
    header = struct.pack(">2I5B", SIDE, SIDE, depth, colours, 0, 0, 0)
    parts = [png_chunk(b"IHDR", header), *chunks, png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def pixels():
    return png_chunk(b"IDAT", zlib.compress((b"\0" + bytes(3 * SIDE)) * SIDE))


def tiff(data, bits=8, tile=0, compression=8, planar=1):
    tags = {256: SIDE, 257: SIDE, 258: bits, 259: compression, 262: 1, 277: 1, 284: planar}
    places, sizes = (324, 325) if tile else (273, 279)
    tags |= {322: tile, 323: tile} if tile else {278: SIDE}
    tags |= {places: 8 + 2 + 12 * (len(tags) + 2) + 4, sizes: len(data)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + data


BOMBS = {
    "PNG, pixels": lambda z: png(png_chunk(b"IDAT", z)),
    "PNG, 16 bits": lambda z: png(png_chunk(b"IDAT", z), depth=16),
    "PNG, one bit, transparent": lambda z: png(
        png_chunk(b"tRNS", bytes(2)), png_chunk(b"IDAT", z), depth=1, colours=0
    ),
    "PNG, zTXt": lambda z: png(png_chunk(b"zTXt", b"Comment\0\0" + z), pixels()),
    "PNG, iTXt": lambda z: png(png_chunk(b"iTXt", b"impasto\0\1\0\0\0" + z), pixels()),
    "PNG, profile": lambda z: png(png_chunk(b"iCCP", b"profile\0\0" + z), pixels()),
    "PNG, many texts": lambda z: png(png_chunk(b"tEXt", b"a\0b") * 50_000, pixels()),
    "PNG, many frames": lambda z: png(png_chunk(b"acTL", struct.pack(">2I", 1 << 31, 0)), pixels()),
    "TIFF": tiff,
    "TIFF, 16 bits": lambda z: tiff(z, bits=16),
    "TIFF, 32 bits": lambda z: tiff(z, bits=32, compression=32946),
    "TIFF, planes": lambda z: tiff(z, planar=2),
    "TIFF, tiles": lambda z: tiff(z, tile=SIDE),
    "TIFF, a huge tile": lambda z: tiff(z, bits=16, tile=1 << 20),
    "GIF, many frames": lambda z: many_frames(50_000),
    "GIF, larger than is read": lambda z: wide_screen(65535),
    "WebP, larger than is read": lambda z: webp(16383),
    "JPEG, many scans": lambda z: many_scans(2000),
}


def many_frames(count):
    stream = io.BytesIO()
    Image.new("P", (8, 8)).save(stream, "GIF")
    data = stream.getvalue()
    frame = data[data.index(b"\x2c") : -1]
    return data[:-1] + frame * count + b";"


def wide_screen(side):
    data = many_frames(0)
    return data[:6] + struct.pack("<HH", side, side) + data[10:]


def webp(side):
    """A header of a lossless picture."""
    bits = (side - 1) | (side - 1) << 14
    body = b"WEBPVP8L" + struct.pack("<I", 5) + b"\x2f" + struct.pack("<I", bits) + b"\0"
    return b"RIFF" + struct.pack("<I", len(body)) + body


def many_scans(count):
    stream = io.BytesIO()
    Image.new("RGB", (1000, 1000), (10, 200, 30)).save(stream, "JPEG", progressive=True)
    data = stream.getvalue()
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * count + data[-2:]


@pytest.mark.parametrize("kind", BOMBS)
def test_it_is_read_or_refused_within_bounds(kind, tmp_path, zeros):
    path = tmp_path / "picture"
    path.write_bytes(BOMBS[kind](zeros))
    assert path.stat().st_size < 2_000_000
    start, before = time.process_time(), restarted_peak()
    told = []
    for read in (images.read, images.read_metadata):
        try:
            read(path)
        except ImageError as error:  # noqa: PERF203
            told.append(str(error))
    assert all(text.startswith(str(path)) for text in told)
    assert time.process_time() - start < MOST_SECONDS
    assert peak_bytes() - before < MOST_GROWTH


def restarted_peak():
    """The most memory so far; from here on, where Linux allows it."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak_bytes()


def test_scans_are_counted():
    assert not has_many_scans(many_scans(MOST_SCANS - 20))
    assert has_many_scans(many_scans(MOST_SCANS + 1))


def test_scans_of_thumbnails_and_of_what_follows_do_not_count(tmp_path):
    scans = b"\xff\xda\0\2" * (MOST_SCANS + 1)
    stream = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE)).save(stream, "JPEG", comment=scans)
    path = tmp_path / "a.jpg"
    path.write_bytes(stream.getvalue() + scans)
    assert images.read(path).size == (SIDE, SIDE)


@pytest.mark.parametrize("count", [1, 3, MOST_PAGES, 20_000])
def test_pages_are_counted_up_to_a_bound(count, tmp_path):
    tags = {256: 8, 257: 8, 258: 8, 259: 1, 262: 1, 277: 1, 278: 8, 273: 8, 279: 64}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    size, first = 2 + len(entries) + 4, 8 + 64
    pages = [
        struct.pack("<H", len(tags))
        + entries
        + struct.pack("<I", first + size * number if number < count else 0)
        for number in range(1, count + 1)
    ]
    path = tmp_path / "pages.tif"
    path.write_bytes(b"II*\0" + struct.pack("<I", first) + bytes(64) + b"".join(pages))
    picture = images.read(path)
    assert picture.info.frames == min(count, MOST_PAGES)
    notes = [note.text for note in content_notes(str(path), picture, 0)]
    told = {1: [], 3: ["3 pages: "]}.get(count, [f"{MOST_PAGES} pages or more: "])
    assert len(notes) == len(told)
    assert all(text in note for text, note in zip(told, notes, strict=True))

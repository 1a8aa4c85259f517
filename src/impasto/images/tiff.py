"""TIFF files of more than 8 bits, of floats, and with a plane for each channel, sample by sample.

Pillow reads some of these wrong and many not at all. Its decoders are used all the same: the file
is described to them anew, as grey pictures of 8 bits whose pixels are the bytes of the samples.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_STRIP_OFFSETS, _ORIENTATION, _SAMPLES, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 274, 277, 278, 279
_PLANAR, _PREDICTOR, _TILE_WIDTH, _TILE_HEIGHT = 284, 317, 322, 323
_TILE_OFFSETS, _TILE_BYTES, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 324, 325, 338, 339

_MOST_EXTRA = 4
"""Channels beyond the colours."""

_LARGEST = 4096
"""Pixels of a tile beyond the size of the picture: memory is taken for whole tiles."""

_OF_BYTES = (1, 5, 8, 32773, 32946, 34925, 50000)
"""Compressions of any bytes: none, LZW, deflate, PackBits, LZMA, ZSTD."""

UNREAD_COMPRESSIONS = {
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    34712: "JPEG 2000",
    34887: "LERC",
    50001: "WebP",
    50002: "JPEG XL",
}
"""Compressions that Pillow's builds do not have, which they only notice while decoding."""

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, CMYK = 0, 1, 2, 5
_COLOURS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, CMYK: 4}
"""Photometric interpretation → channels of colour."""

_UPRIGHT: dict[int, Callable[[Any], Any]] = {
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: stored.transpose(1, 0, 2)[:, ::-1],
    7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
    8: lambda stored: stored.transpose(1, 0, 2)[::-1],
}
"""EXIF orientation → what undoes it."""


@dataclass(frozen=True)
class Layout:
    """How the samples of a TIFF file are stored.

    Attributes:
        size: Height and width in the file, before orientation.
        kind: Of a sample, in the byte order of the file.
        channels: Samples of a pixel.
        photometric: One of ``WHITE_IS_ZERO``, ``BLACK_IS_ZERO``, ``RGB``, ``CMYK``.
        alpha: 0 for none, 1 if the colours are premultiplied by it, 2 if not.
        is_planar: Whether each channel is stored on its own.
        predictor: 1 for none, 2 for differences, 3 for those of floats.
        orientation: As in EXIF.
        tile: Height and width of a tile; of a strip, its height and the width of the picture.
    """

    size: tuple[int, int]
    kind: np.dtype[Any]
    channels: int
    photometric: int
    alpha: int
    is_planar: bool
    predictor: int
    orientation: int
    tile: tuple[int, int]

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height after orientation, in Pillow's order."""
        height, width = self.size
        return (height, width) if self.orientation in (5, 6, 7, 8) else (width, height)

    @property
    def colours(self) -> int:
        """Channels of colour; what follows is alpha, or of no use."""
        return _COLOURS[self.photometric]


def read_tags(data: bytes) -> ImageFileDirectory_v2:
    """The tags of the first page of a TIFF file.

    Raises:
        Exception: Of many classes, for damaged files.
    """
    stream = io.BytesIO(data)
    is_big = data[2:4] in (b"+\0", b"\0+")
    tags = ImageFileDirectory_v2(stream.read(16 if is_big else 8))
    stream.seek(tags.next)
    tags.load(stream)
    return tags


def layout_of(tags: ImageFileDirectory_v2) -> Layout | None:
    """The layout of a TIFF file with these tags, if it is one of those that are read here.

    None also for files that Pillow reads right: those of 8 bits and without planes.
    """
    bits, formats = tags.get(_BITS, (1,)), tags.get(_SAMPLE_FORMAT, (1,))
    channels = int(tags.get(_SAMPLES, 1))
    photometric = tags.get(_PHOTOMETRIC)
    kind = {(1, 8): "u1", (1, 16): "u2", (3, 16): "f2", (3, 32): "f4", (3, 64): "f8"}.get(
        (formats[0], bits[0])
    )
    is_planar = tags.get(_PLANAR, 1) == 2 and channels > 1
    if (
        kind is None
        or photometric not in _COLOURS
        or not 0 <= channels - _COLOURS[photometric] <= _MOST_EXTRA
        or len({*bits}) > 1
        or len({*formats}) > 1
        or tags.get(_COMPRESSION, 1) not in _OF_BYTES
        or tags.get(_FILL_ORDER, 1) != 1
        or (kind == "u1" and not is_planar)
    ):
        return None
    height, width = int(tags[_HEIGHT]), int(tags[_WIDTH])
    rows = min(int(tags.get(_ROWS_PER_STRIP, height)), height)
    tile = int(tags.get(_TILE_HEIGHT, rows)), int(tags.get(_TILE_WIDTH, width))
    if min(*tile) < 1 or tile[0] > height + _LARGEST or tile[1] > width + _LARGEST:
        return None
    extra = tags.get(_EXTRA_SAMPLES, ())
    has_unnamed_alpha = not extra and photometric == RGB and channels == 4
    alpha = 2 if has_unnamed_alpha else (extra[0] if extra and extra[0] in (1, 2) else 0)
    order = "<" if tags.prefix == b"II" else ">"
    return Layout(
        (height, width),
        np.dtype(order + kind),
        channels,
        photometric,
        alpha if channels > _COLOURS[photometric] else 0,
        is_planar,
        int(tags.get(_PREDICTOR, 1)),
        int(tags.get(_ORIENTATION, 1)),
        tile,
    )


def read_samples(
    tags: ImageFileDirectory_v2,
    layout: Layout,
    data: bytes,
    load: Callable[[Image.Image], Image.Image],
) -> NDArray[Any]:
    """The samples, upright: (H, W, colours and alpha) in their own type and native byte order.

    Args:
        tags: The file's.
        layout: The file's.
        data: The file.
        load: Loads an image.

    Raises:
        Exception: Of many classes, for damaged files.
    """
    described = TiffImageFile(io.BytesIO(_described_anew(tags, layout, data)))
    kept = layout.colours + (1 if layout.alpha else 0)
    planes = []
    for number in range(kept if layout.is_planar else 1):
        described.seek(number)
        stored = np.asarray(load(described))
        planes.append(_undone(stored, layout, 1 if layout.is_planar else layout.channels))
    samples = np.concatenate(planes, axis=2)[..., :kept]
    upright: NDArray[Any] = _UPRIGHT.get(layout.orientation, lambda stored: stored)(samples)
    return upright


def _described_anew(own: ImageFileDirectory_v2, layout: Layout, data: bytes) -> bytes:
    """The file with a page for each plane, or one page, of bytes."""
    is_tiled = _TILE_OFFSETS in own
    offsets: Sequence[int] = own[_TILE_OFFSETS if is_tiled else _STRIP_OFFSETS]
    lengths: Sequence[int] = own[_TILE_BYTES if is_tiled else _STRIP_BYTES]
    height, width = layout.size
    rows, columns = layout.tile
    across = -(-width // columns)
    planes = layout.channels if layout.is_planar else 1
    samples = layout.channels // planes
    pixel = layout.kind.itemsize * samples
    count = len(offsets) // planes
    if count != across * -(-height // rows) or len(lengths) != len(offsets):
        raise ValueError("the number of its strips or tiles is wrong")
    parts = [b"II*\0", b"", data[8:], bytes(len(data) % 2)]
    place, previous = len(data) + len(data) % 2, 4
    pages = bytearray()
    links = []
    for plane in range(planes):
        part = slice(plane * count, (plane + 1) * count)
        entries: dict[int, Sequence[int]] = {
            _WIDTH: [across * columns * pixel],
            _HEIGHT: [height],
            _BITS: [8],
            _COMPRESSION: [int(own.get(_COMPRESSION, 1))],
            _PHOTOMETRIC: [BLACK_IS_ZERO],
            _SAMPLES: [1],
            _PLANAR: [1],
        }
        if is_tiled:
            entries |= {_TILE_WIDTH: [columns * pixel], _TILE_HEIGHT: [rows],
                        _TILE_OFFSETS: offsets[part], _TILE_BYTES: lengths[part]}  # fmt: skip
        else:
            entries |= {_ROWS_PER_STRIP: [rows], _STRIP_OFFSETS: offsets[part],
                        _STRIP_BYTES: lengths[part]}  # fmt: skip
        start = place + len(pages)
        links.append((previous, start))
        pages += _page(entries, start)
        previous = start + 2 + 12 * len(entries)
    parts[1] = struct.pack("<I", links[0][1])
    for at, start in links[1:]:
        struct.pack_into("<I", pages, at - place, start)
    return b"".join([*parts, bytes(pages)])


def _page(entries: dict[int, Sequence[int]], start: int) -> bytes:
    """A directory of numbers at an offset of a file, with no page after it."""
    directory, values = struct.pack("<H", len(entries)), b""
    after = start + 2 + 12 * len(entries) + 4
    for tag, numbers in sorted(entries.items()):
        packed = struct.pack(f"<{len(numbers)}I", *numbers)
        if len(numbers) > 1:
            values, packed = values + packed, struct.pack("<I", after + len(values))
        directory += struct.pack("<HHI", tag, 4, len(numbers)) + packed
    return directory + bytes(4) + values


def _undone(stored: NDArray[np.uint8], layout: Layout, samples: int) -> NDArray[Any]:
    """Bytes (H, all tiles across) as samples (H, W, samples), with the predictor undone."""
    height, width = layout.size
    columns, size = layout.tile[1], layout.kind.itemsize
    tiles = np.ascontiguousarray(stored).reshape(height, -1, columns * samples * size)
    if layout.predictor == 3:
        summed = tiles.reshape(height, -1, columns * size, samples).cumsum(2, dtype=np.uint8)
        # The upper bytes of all samples come first, whatever the byte order of the file.
        split = summed.reshape(height, -1, size, columns * samples).swapaxes(2, 3)
        values = np.ascontiguousarray(split).view(layout.kind.newbyteorder(">"))
    else:
        values = tiles.view(layout.kind)
    native = values.astype(layout.kind.newbyteorder("="))
    native = native.reshape(height, -1, columns, samples)
    if layout.predictor == 2:
        native = native.cumsum(2, dtype=native.dtype)
    whole: NDArray[Any] = native.reshape(height, -1, samples)[:, :width]
    return whole

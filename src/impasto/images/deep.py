"""All 16 bits of PNG and TIFF files, of which Pillow keeps the upper eight in colour pictures.

Pillow's decoders take the upper byte of each sample. Told that the file has the other byte order,
they take the lower one, so two passes give both.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

Levels = NDArray[np.uint16]

_OTHER_ORDER = {"L": "B", "B": "L"}
_NATIVE_ORDER = "L" if np.little_endian else "B"

_PLANAR = 284  # tag: 2 if each channel is stored on its own


def is_deep(image: Image.Image) -> TypeGuard[ImageFile]:
    """Whether a picture file has 16 bits a sample in colour or with alpha, and both can be read."""
    if not isinstance(image, (PngImageFile, TiffImageFile)) or not image.tile:
        return False
    if isinstance(image, TiffImageFile) and image.tag_v2.get(_PLANAR, 1) != 1:
        return False
    return image.mode in ("RGB", "RGBA") and ";16" in _raw_mode(image)


def read_levels(
    image: ImageFile, data: bytes, load: Callable[[Image.Image], Image.Image]
) -> tuple[Levels, bool]:
    """The samples of a picture for which :func:`is_deep` holds.

    Args:
        image: As opened; its pixels are not loaded yet.
        data: The file.
        load: Loads an image and makes it upright.

    Returns:
        (H, W, 2 to 4): grey or RGB, with alpha last if there is one; and whether the colours are
        premultiplied by alpha.
    """
    other = type(image)(io.BytesIO(data))
    raw = _raw_mode(image)
    if raw.startswith("LA"):  # in PNG: the four bytes of a pixel, as they are
        _set_raw_mode(image, "RGBA")
        both: Levels = np.asarray(load(image)).astype(np.uint16)
        return (both[..., 0::2] << np.uint16(8)) | both[..., 1::2], False
    plain = raw.replace("RGBa", "RGBA")  # else Pillow divides by alpha
    order = _NATIVE_ORDER if plain[-1] == "N" else plain[-1]
    _set_raw_mode(image, plain)
    _set_raw_mode(other, plain[:-1] + _OTHER_ORDER[order])
    levels: Levels = np.asarray(load(image)).astype(np.uint16)
    levels <<= 8
    levels |= np.asarray(load(other))
    return levels, plain != raw


def _raw_mode(image: ImageFile) -> str:
    arguments = image.tile[0].args
    return str(arguments if isinstance(arguments, str) else (arguments or ("",))[0])


def _set_raw_mode(image: ImageFile, raw: str) -> None:
    image.tile = [
        tile._replace(args=(raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw)
        for tile in image.tile
    ]

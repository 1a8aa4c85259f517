"""All 16 bits of PNG files, of which Pillow keeps the upper eight in colour pictures.

Pillow's decoder takes the upper byte of each sample. Told that the file has the other byte order,
it takes the lower one, so two passes give both.
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

Levels = NDArray[np.uint16]


def is_deep(image: Image.Image) -> TypeGuard[ImageFile]:
    """Whether a picture is a PNG file with 16 bits a sample, in colour or with alpha."""
    if not isinstance(image, PngImageFile) or not image.tile:
        return False
    return image.mode in ("RGB", "RGBA") and ";16" in _raw_mode(image)


def read_levels(
    image: ImageFile, data: bytes, load: Callable[[Image.Image], Image.Image]
) -> Levels:
    """The samples of a picture for which :func:`is_deep` holds.

    Args:
        image: As opened; its pixels are not loaded yet.
        data: The file.
        load: Loads an image and makes it upright.

    Returns:
        (H, W, 2 to 4): grey or RGB, with alpha last if there is one.
    """
    raw = _raw_mode(image)
    if raw.startswith("LA"):  # the four bytes of a pixel, as they are
        _set_raw_mode(image, "RGBA")
        both: Levels = np.asarray(load(image)).astype(np.uint16)
        levels: Levels = (both[..., 0::2] << np.uint16(8)) | both[..., 1::2]
        return levels
    other = PngImageFile(io.BytesIO(data))
    _set_raw_mode(other, raw.replace(";16B", ";16L"))
    levels = np.asarray(load(image)).astype(np.uint16)
    levels <<= 8
    levels |= np.asarray(load(other))
    return levels


def _raw_mode(image: ImageFile) -> str:
    arguments = image.tile[0].args
    return str(arguments if isinstance(arguments, str) else (arguments or ("",))[0])


def _set_raw_mode(image: ImageFile, raw: str) -> None:
    image.tile = [
        tile._replace(args=(raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw)
        for tile in image.tile
    ]

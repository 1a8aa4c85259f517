"""From what Pillow opens to sRGB floats: :mod:`impasto.images` is the door to it.

Pillow hands out pixels in some fifteen modes and merely notes beside them how the camera was held,
which colours the numbers mean, and what is transparent. All of that is settled here, once.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms
from PIL.TiffImagePlugin import TiffImageFile
from torch import Tensor

from impasto.errors import ImageError, option

# The value of white in the grey modes of more than 8 bits.
_DEEP_WHITE = {
    **dict.fromkeys(("I;16", "I;16L", "I;16B", "I;16N", "I"), 65535.0),
    "F": 1.0,
}

# What undoes each EXIF orientation.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# The mode a picture must have for a profile of each colour space.
_PROFILE_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}


def open_file(path: Path) -> Image.Image:
    """Opens a picture file and reads its header; the pixels are still to be loaded.

    Raises:
        ImageError: If the file is missing, a folder, empty, unreadable, or no picture.
    """
    if os.path.isdir(path):
        raise ImageError(f"{path} is a folder: name a picture file in it.")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ImageError(f"There is no file {path}: check its name and folder.") from None
    except OSError as problem:
        raise ImageError(
            f"{path} cannot be read ({problem.strerror}): change its permissions, or copy it."
        ) from problem
    if not data:
        raise ImageError(f"{path} is empty (0 bytes): get the file again.")
    with _reported(str(path)):
        image = _identify(io.BytesIO(data))
    if image is None:
        raise ImageError(
            f"{path} is no picture of a known kind, or its beginning is damaged: "
            "save it as PNG from an image editor."
        )
    return image


def decode(image: Image.Image, name: str, max_pixels: int) -> tuple[Tensor, Tensor | None]:
    """The pixels of a Pillow image of any mode, upright, in sRGB.

    Grey pictures of 16 bits keep them all. Grey integers of more bits and floats come with no word
    on which value is white: it is 65535 and 1.0, or the brightest pixel where that lies higher.

    Args:
        image: The image; its pixels need not be loaded yet.
        name: What errors and warnings call it.
        max_pixels: The most pixels that are decoded.

    Returns:
        The colours (1, 3, H, W) in [0, 1], not multiplied by alpha; and the alpha (1, 1, H, W) in
        [0, 1], or None if the picture is opaque.

    Raises:
        ImageError: If the image is damaged, has no pixels or too many.
    """
    width, height = image.size
    pixels = width * height
    if pixels > max_pixels:
        raise ImageError(
            f"{name} has {width} × {height} = {pixels} pixels and at most {max_pixels} are read: "
            f"if you trust it, raise the limit with {option('max_pixels')} {pixels}."
        )
    if pixels == 0:
        raise ImageError(f"{name} has no pixels ({width} × {height}): give another picture.")
    with _reported(name):
        image = _upright(_loaded(image))
        alpha = _alpha(image)
        colour = _opaque(image)
    return _srgb(colour, image.info.get("icc_profile"), name), alpha


@functools.cache
def srgb_profile() -> bytes:
    """The ICC profile of sRGB, the same bytes at every call and in every process."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # Six numbers from byte 24 are the time of making, which would make each output file differ.
    return profile[:24] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + profile[36:]


@contextlib.contextmanager
def _reported(name: str) -> Iterator[None]:
    """Turns whatever Pillow raises into one sentence about ``name``."""
    try:
        yield
    except Image.DecompressionBombError as problem:
        # Only the WebP reader and a few rare ones ask Pillow's own limit by themselves.
        raise ImageError(
            f"{name} has more pixels than Pillow reads from a file of its kind: save it as PNG."
        ) from problem
    except MemoryError as problem:
        raise ImageError(f"{name} does not fit into memory: make it smaller.") from problem
    except Exception as problem:  # for broken bytes its readers raise nearly every built-in error
        reason = " ".join(str(problem).split()) or type(problem).__name__
        raise ImageError(
            f"{name} is damaged or cut short ({reason}): "
            "get the file again, or save it anew from an image editor."
        ) from problem


def _identify(stream: io.BytesIO) -> Image.Image | None:
    """What ``Image.open`` does, without its limit, a global of the process that is not ours."""
    prefix = stream.read(16)
    for register_readers in (Image.preinit, Image.init):  # the five usual ones, then all
        register_readers()
        for name in Image.ID:
            if name == "EPS":  # is drawn by an outside program, Ghostscript
                continue
            reader, accepts = Image.OPEN[name]
            with contextlib.suppress(SyntaxError, IndexError, TypeError, struct.error):
                accepted = accepts(prefix) if accepts else True
                if accepted and not isinstance(accepted, str):  # a string says why it cannot
                    stream.seek(0)
                    return reader(stream, "")
    return None


def _loaded(image: Image.Image) -> Image.Image:
    if isinstance(image, TiffImageFile) and image.tile:
        # Where a TIFF has no memory yet, its reader asks Pillow's own limit again.
        stored_size = getattr(image, "_tile_size", image.size)  # before the turn it notes
        image.im = Image.new(image.mode, stored_size).im
    image.load()
    # The one mode multiplied by its alpha that Pillow takes nowhere but here.
    return image.convert("LA") if image.mode == "La" else image


def _upright(image: Image.Image) -> Image.Image:
    turn = None
    with contextlib.suppress(Exception):  # broken EXIF data must not cost the picture
        turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return image if turn is None else image.transpose(turn)


def _alpha(image: Image.Image) -> Tensor | None:
    """The alpha (1, 1, H, W) in [0, 1], None if it is 1 everywhere."""
    if not image.has_transparency_data:
        return None
    if image.mode in _DEEP_WHITE:  # one grey value is marked as transparent
        levels = np.where(np.asarray(image) == image.info["transparency"], 0, 255).astype(np.uint8)
    else:
        levels = np.asarray(image.convert("RGBA").getchannel("A"))
    alpha = _unit(levels[None, None])
    return None if alpha.min() == 1 else alpha


def _opaque(image: Image.Image) -> Image.Image:
    """The image without alpha, in the mode among L, RGB, CMYK and the deep ones nearest to it."""
    if image.mode in ("1", "L", "LA"):
        return image.convert("L")
    if image.mode in ("RGB", "CMYK", *_DEEP_WHITE):
        return image
    # By way of RGBA: Pillow warns where a palette with alpha becomes RGB directly.
    return image.convert("RGBA").convert("RGB")


def _srgb(colour: Image.Image, profile: bytes | None, name: str) -> Tensor:
    """An image of mode L, RGB, CMYK or a deep one as (1, 3, H, W) sRGB in [0, 1]."""
    if colour.mode in ("RGB", "CMYK"):
        pixels = np.asarray(_by_profile(colour, profile, name))
        return _unit(pixels.transpose(2, 0, 1)[None])
    grey = _grey(colour)
    if not profile:
        return torch.from_numpy(grey).expand(1, 3, -1, -1).contiguous()
    # For greys a profile is a curve per channel. Pillow converts 8 bits only: read off a ramp of
    # them and interpolated, the curve does not leave a deep picture with 256 levels.
    levels = np.arange(256, dtype=np.uint8)
    curves = np.asarray(_by_profile(Image.fromarray(levels[None]), profile, name))[0]
    channels = [np.interp(grey, levels / 255, curve / 255) for curve in curves.T]
    return torch.from_numpy(np.stack(channels).astype(np.float32))[None]


def _grey(image: Image.Image) -> NDArray[np.float32]:
    """A grey image of any depth as (H, W) in [0, 1]."""
    values = np.array(image, dtype=np.float32)
    white = _DEEP_WHITE.get(image.mode, 255.0)
    peak = values.max(where=np.isfinite(values), initial=white)
    unit: NDArray[np.float32] = np.nan_to_num(values / np.float32(peak), nan=0.0).clip(0, 1)
    return unit


def _unit(levels: NDArray[np.uint8]) -> Tensor:
    """Bytes as contiguous float32 in [0, 1]."""
    return torch.from_numpy(np.array(levels, order="C")).float().div_(255)


def _by_profile(image: Image.Image, profile: bytes | None, name: str) -> Image.Image:
    """An image of mode L, RGB or CMYK in sRGB: by its profile, or plainly if that is no use."""
    if profile:
        try:
            return _apply_profile(image, profile)
        except Exception as problem:  # Pillow's and LittleCMS's errors are of many classes
            warnings.warn(
                f"The colour profile in {name} cannot be used and was ignored ({problem}).",
                stacklevel=2,
            )
    return image.convert("RGB")


def _apply_profile(image: Image.Image, profile: bytes) -> Image.Image:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    space = source.profile.xcolor_space.strip()
    mode = _PROFILE_MODES.get(space)
    if image.mode == "L" and mode == "RGB":
        image = image.convert("RGB")
    if image.mode != mode:
        raise ValueError(f"it is for {space} and the picture is {image.mode}")
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    if image.mode == "L":  # LittleCMS's table for speed is off by up to 10 of 255 in dark greys
        flags |= ImageCms.Flags.NOOPTIMIZE
    srgb = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    transform = ImageCms.buildTransform(source, srgb, image.mode, "RGB", intent, flags)
    return transform.apply(image)

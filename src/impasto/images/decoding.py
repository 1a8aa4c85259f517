"""Decoding: any file or image that Pillow opens, to upright sRGB floats.

Pillow returns pixels in some fifteen modes. Orientation, colour profile and transparency come as
separate metadata. All of it is applied here; callers use :mod:`impasto.images.picture`.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import stat
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

# White in the grey modes with more than 8 bits.
_DEEP_WHITE = {**dict.fromkeys(("I;16", "I;16L", "I;16B", "I;16N", "I"), 65535.0), "F": 1.0}

# EXIF orientation → the transpose that undoes it.
_ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Colour space of a profile → the mode that a picture must have.
_PROFILE_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}


def open_file(path: Path) -> Image.Image:
    """Open a picture file and read its header, without loading its pixels.

    Raises:
        ImageError: If the file is missing, a folder, empty, unreadable, or not a picture.
    """
    if os.path.isdir(path):
        raise ImageError(f"{path} is a folder: name a picture file in it.")
    if not _is_readable_file(path):
        raise ImageError(f"{path} is a device or a named pipe: name a picture file.")
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
    with _pillow_errors(str(path)):
        image = _identify(io.BytesIO(data))
    if image is None:
        raise ImageError(
            f"{path} is not a picture in a known format, or its header is damaged: "
            "save it as PNG from an image editor."
        )
    return image


def _is_readable_file(path: Path) -> bool:
    """Whether reading ends: not of a device or named pipe, except one that a shell handed over."""
    with contextlib.suppress(OSError, ValueError):
        mode = path.stat().st_mode
        is_endless = stat.S_ISCHR(mode) or stat.S_ISBLK(mode) or stat.S_ISFIFO(mode)
        given = ("/dev/fd", "/dev/stdin", "/proc")
        return not is_endless or any(path.is_relative_to(place) for place in given)
    return True


def decode(image: Image.Image, name: str, max_pixels: int) -> tuple[Tensor, Tensor | None]:
    """The pixels of a Pillow image of any mode, upright, in sRGB.

    16-bit grey keeps all its levels. Files with 32-bit grey integers or floats do not say which
    value is white: it is 65535 or 1.0, or the brightest pixel if that is higher.

    Args:
        image: The image; its pixels need not be loaded yet.
        name: Its name in errors and warnings.
        max_pixels: Limit on the pixels decoded.

    Returns:
        The colours (1, 3, H, W) in [0, 1], not premultiplied by alpha; and the alpha (1, 1, H, W)
        in [0, 1], or None if the picture is opaque.

    Raises:
        ImageError: If the image is damaged, or has no pixels or too many.
    """
    width, height = image.size
    pixels = width * height
    if pixels > max_pixels:
        raise ImageError(
            f"{name} has {width} × {height} = {pixels} pixels and at most {max_pixels} are read: "
            f"if you trust the file, raise the limit with {option('max_pixels')} {pixels}."
        )
    if pixels == 0:
        raise ImageError(f"{name} has no pixels ({width} × {height}): give another picture.")
    with _pillow_errors(name):
        image = _upright(_load(image))
        alpha = _alpha(image)
        opaque = _without_alpha(image)
    return _srgb(opaque, image.info.get("icc_profile"), name), alpha


@functools.cache
def srgb_profile() -> bytes:
    """The ICC profile of sRGB, the same bytes in every process."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # Bytes 24 to 36 are the creation time, by which equal pictures would differ as files.
    return profile[:24] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + profile[36:]


@contextlib.contextmanager
def _pillow_errors(name: str) -> Iterator[None]:
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
    except Exception as problem:  # broken files make its readers raise nearly any built-in error
        reason = " ".join(str(problem).split()) or type(problem).__name__
        raise ImageError(
            f"{name} is damaged or cut short ({reason}): "
            "get the file again, or save it again from an image editor."
        ) from problem


def _identify(stream: io.BytesIO) -> Image.Image | None:
    """``Image.open`` without its limit on pixels, a global of the process that is not ours."""
    prefix = stream.read(16)
    for register_readers in (Image.preinit, Image.init):  # the five common ones, then all
        register_readers()
        for name in Image.ID:
            if name == "EPS":  # rendered by an external program, Ghostscript
                continue
            reader, accepts = Image.OPEN[name]
            with contextlib.suppress(SyntaxError, IndexError, TypeError, struct.error):
                accepted = accepts(prefix) if accepts else True
                if accepted and not isinstance(accepted, str):  # a string says why not
                    stream.seek(0)
                    return reader(stream, "")
    return None


def _load(image: Image.Image) -> Image.Image:
    if isinstance(image, TiffImageFile) and image.tile:
        # Without memory allocated, the TIFF reader checks Pillow's own limit again.
        stored_size = getattr(image, "_tile_size", image.size)  # before EXIF orientation
        image.im = Image.new(image.mode, stored_size).im
    image.load()
    # The one premultiplied mode that Pillow supports in no other conversion.
    return image.convert("LA") if image.mode == "La" else image


def _upright(image: Image.Image) -> Image.Image:
    transpose = None
    with contextlib.suppress(Exception):  # a picture with broken EXIF data is still read
        transpose = _ORIENTATIONS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return image if transpose is None else image.transpose(transpose)


def _alpha(image: Image.Image) -> Tensor | None:
    """The alpha (1, 1, H, W) in [0, 1], or None if it is 1 everywhere."""
    if not image.has_transparency_data:
        return None
    if image.mode in _DEEP_WHITE:  # one grey value is marked as transparent
        levels = np.where(np.asarray(image) == image.info["transparency"], 0, 255).astype(np.uint8)
    else:
        levels = np.asarray(image.convert("RGBA").getchannel("A"))
    alpha = _unit(levels[None, None])
    return None if alpha.min() == 1 else alpha


def _without_alpha(image: Image.Image) -> Image.Image:
    """The image without alpha, in the closest of L, RGB, CMYK and the deep grey modes."""
    if image.mode in ("1", "L", "LA"):
        return image.convert("L")
    if image.mode in ("RGB", "CMYK", *_DEEP_WHITE):
        return image
    # Via RGBA: Pillow warns when a palette with alpha is converted directly to RGB.
    return image.convert("RGBA").convert("RGB")


def _srgb(image: Image.Image, profile: bytes | None, name: str) -> Tensor:
    """An image of mode L, RGB, CMYK or deep grey as (1, 3, H, W) sRGB in [0, 1]."""
    if image.mode in ("RGB", "CMYK"):
        pixels = np.asarray(_convert(image, profile, name))
        return _unit(pixels.transpose(2, 0, 1)[None])
    grey = _grey(image)
    if not profile:
        return torch.from_numpy(grey).expand(1, 3, -1, -1).contiguous()
    # A grey profile is a curve per channel, and Pillow converts 8 bits only. The curve is read
    # from a ramp of 256 values and interpolated, so that deep pictures keep their levels.
    levels = np.arange(256, dtype=np.uint8)
    curves = np.asarray(_convert(Image.fromarray(levels[None]), profile, name))[0]
    channels = [np.interp(grey, levels / 255, curve / 255) for curve in curves.T]
    return torch.from_numpy(np.stack(channels).astype(np.float32))[None]


def _grey(image: Image.Image) -> NDArray[np.float32]:
    """A grey image of any bit depth as (H, W) in [0, 1]."""
    values = np.array(image, dtype=np.float32)
    white = _DEEP_WHITE.get(image.mode, 255.0)
    peak = values.max(where=np.isfinite(values), initial=white)
    unit: NDArray[np.float32] = np.nan_to_num(values / np.float32(peak), nan=0.0).clip(0, 1)
    return unit


def _unit(levels: NDArray[np.uint8]) -> Tensor:
    """uint8 as contiguous float32 in [0, 1]."""
    return torch.from_numpy(np.array(levels, order="C")).float().div_(255)


def _convert(image: Image.Image, profile: bytes | None, name: str) -> Image.Image:
    """An image of mode L, RGB or CMYK as sRGB, ignoring a missing or unusable profile."""
    if profile:
        try:
            return _apply_profile(image, profile)
        except Exception as problem:  # Pillow and LittleCMS raise many classes
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
    if image.mode == "L":  # LittleCMS's fast table is off by up to 10 of 255 in dark grey
        flags |= ImageCms.Flags.NOOPTIMIZE
    srgb = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    transform = ImageCms.buildTransform(source, srgb, image.mode, "RGB", intent, flags)
    return transform.apply(image)

"""Decoding: any file or image that Pillow opens, to upright sRGB floats.

Pillow returns pixels in some fifteen modes. Orientation, colour space and transparency come as
separate metadata. All of it is applied here; callers use :mod:`impasto.images.picture`.
"""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile
from torch import Tensor

from impasto.errors import ImageError, option
from impasto.images import rgb_spaces
from impasto.images.deep import is_deep, read_levels
from impasto.images.icc import apply_profile, matrix_space
from impasto.images.opening import OpenedFile, pillow_errors
from impasto.images.rgb_spaces import RGBSpace
from impasto.images.tiff import WHITE_IS_ZERO, Layout, read_samples
from impasto.runtime.strips import STRIP_ELEMENTS

Floats = NDArray[np.float32]

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

_LARGE = 24_000_000
"""Pixels from which a JPEG is not decoded in full if it is reduced afterwards."""

_OVERSAMPLING = 2.0
"""How many times the size asked for such a JPEG is decoded at, or more."""

_PREMULTIPLIED = 1  # kind of alpha in TIFF
_INTEROPERABILITY, _INDEX, _ADOBE_RGB_INDEX = 0xA005, 1, "R03"


def check_pixels(opened: OpenedFile, name: str, max_pixels: int) -> None:
    """Raise an ImageError for a picture without pixels, or with more than ``max_pixels``."""
    check_size(*opened.size, name, max_pixels)


def check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    """:func:`check_pixels` of a picture that is in memory."""
    pixels = width * height
    if pixels > max_pixels:
        raise ImageError(
            f"{name} has {width} × {height} = {pixels} pixels and at most {max_pixels} are read: "
            f"if you trust the file, raise the limit with {option('max_pixels')} {pixels}."
        )
    if pixels == 0:
        raise ImageError(f"{name} has no pixels ({width} × {height}): give another picture.")


def draft_jpeg(opened: OpenedFile, long_side: int) -> None:
    """Let a very large JPEG be decoded at ½, ¼ or ⅛ of its size, twice ``long_side`` or more.

    The decoder then takes a fraction of the memory and the time. What is left is still reduced with
    a filter, so the result differs by a few levels at sharp edges and less elsewhere. Smaller
    pictures are decoded in full.
    """
    image = opened.image
    if image.format == "JPEG" and image.size[0] * image.size[1] > _LARGE:
        factor = _OVERSAMPLING * long_side / max(image.size)
        image.draft(None, (round(image.size[0] * factor), round(image.size[1] * factor)))


def decode(
    opened: OpenedFile, name: str, max_pixels: int, *, as_levels: bool = False
) -> tuple[Tensor, Tensor | None]:
    """The pixels of a picture of any kind, upright, in sRGB.

    16 bits a sample keep all their levels. Files with 32-bit grey integers or floats do not say
    which value is white: it is 65535 or 1.0, or the brightest pixel if that is higher.

    Args:
        opened: The file, or a Pillow image; its pixels need not be loaded yet.
        name: Its name in errors and warnings.
        max_pixels: Limit on the pixels decoded.
        as_levels: Whether the colours may be uint8, if the file has no more than 8 bits.

    Returns:
        The colours (1, 3, H, W) in [0, 1], or in 255ths as uint8, not premultiplied by alpha; and
        the alpha (1, 1, H, W) in [0, 1], or None if the picture is opaque.

    Raises:
        ImageError: If the image is damaged, cannot be shown in sRGB, or has no pixels or too many.
    """
    check_pixels(opened, name, max_pixels)
    if opened.raw is not None:
        return _developed(opened, name)
    image = opened.image
    profile = image.info.get("icc_profile")
    space = None if profile else _space(opened, name)
    with pillow_errors(name):
        samples = None
        if opened.tiff is not None:
            samples = _of_tiff(opened, *opened.tiff)
        elif is_deep(image):
            samples = _of_deep_png(image, opened)
        if samples is not None:
            colours, alpha = samples
            return _of_samples(colours, profile, space, name), alpha
        image = _upright(_load(image))
        alpha = _alpha(image)
        image = _without_alpha(image)
        if image.mode in ("RGB", "CMYK"):
            may_be_bytes = as_levels and alpha is None
            return _of_bytes(image, profile, space, name, as_levels=may_be_bytes), alpha
        if as_levels and image.mode == "L" and alpha is None and not profile and space is None:
            return _levels(image), None
        greys = _grey(image)
    return _of_grey(greys, profile, space, name), alpha


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
    return _opacity(_unit(levels))


def _opacity(alpha: Floats) -> Tensor | None:
    """An alpha (H, W) as (1, 1, H, W), or None if it is 1 everywhere."""
    return None if alpha.min() == 1 else torch.from_numpy(alpha)[None, None]


def _without_alpha(image: Image.Image) -> Image.Image:
    """The image without alpha, in the closest of L, RGB, CMYK and the deep grey modes."""
    if image.mode in ("1", "L", "LA"):
        return image.convert("L")
    if image.mode in ("RGB", "CMYK", *_DEEP_WHITE):
        return image
    # Via RGBA: Pillow warns when a palette with alpha is converted directly to RGB.
    return image.convert("RGBA").convert("RGB")


# --- samples to sRGB ------------------------------------------------------------------------------


def _of_bytes(
    image: Image.Image,
    profile: bytes | None,
    space: RGBSpace | None,
    name: str,
    *,
    as_levels: bool = False,
) -> Tensor:
    """An image of mode RGB or CMYK as (1, 3, H, W) sRGB in [0, 1], or uint8."""
    if image.mode != "RGB":
        space = None
    image = _convert(image, profile, name)
    if as_levels and space is None:
        return _levels(image)
    unit = _unit(np.asarray(image))
    return _tensor(unit if space is None else rgb_spaces.convert(unit, space))


def _levels(image: Image.Image) -> Tensor:
    """An image of mode RGB or L as (1, 3, H, W) uint8, read strip by strip: NumPy copies."""
    levels = torch.empty(1, 3, image.height, image.width, dtype=torch.uint8)
    rows = max(1, STRIP_ELEMENTS // image.width)
    for first in range(0, image.height, rows):
        last = min(first + rows, image.height)
        strip = torch.from_numpy(np.array(image.crop((0, first, image.width, last))))
        levels[0, :, first:last] = strip if strip.ndim == 2 else strip.permute(2, 0, 1)
    return levels


def _of_grey(greys: Floats, profile: bytes | None, space: RGBSpace | None, name: str) -> Tensor:
    """Greys (H, W) of any depth as (1, 3, H, W) sRGB in [0, 1]."""
    if space is not None:
        greys = rgb_spaces.convert(np.stack([greys] * 3, axis=-1), space)[..., 1]
    if not profile:
        return torch.from_numpy(greys).expand(1, 3, -1, -1).contiguous()
    # A grey profile is a curve per channel, and Pillow converts 8 bits only. The curve is read
    # from a ramp of 256 values and interpolated, so that deep pictures keep their levels.
    levels = np.arange(256, dtype=np.uint8)
    curves = np.asarray(_convert(Image.fromarray(levels[None]), profile, name))[0]
    channels = [np.interp(greys, levels / 255, curve / 255) for curve in curves.T]
    return torch.from_numpy(np.stack(channels).astype(np.float32))[None]


def _of_samples(
    colours: Floats, profile: bytes | None, space: RGBSpace | None, name: str
) -> Tensor:
    """Grey, RGB or CMYK (H, W, 1, 3 or 4) of any depth as (1, 3, H, W) sRGB in [0, 1]."""
    if colours.shape[2] == 1:
        return _of_grey(colours[..., 0], profile, space, name)
    if profile:
        space = matrix_space(profile)
    if colours.shape[2] == 4 or (profile and space is None):
        # CMYK, or a profile with a table, or a broken one: 8 bits, as LittleCMS in Pillow converts.
        mode = "CMYK" if colours.shape[2] == 4 else "RGB"
        levels = (colours * 255).round().astype(np.uint8)
        image = Image.frombytes(mode, levels.shape[1::-1], levels.tobytes())
        return _of_bytes(image, profile, None, name, as_levels=False)
    if space is None or rgb_spaces.is_srgb(space):
        return _tensor(colours)
    return _tensor(rgb_spaces.convert(colours, space))


def _of_deep_png(image: ImageFile, opened: OpenedFile) -> tuple[Floats, Tensor | None]:
    """The samples of 16 bits: (H, W, 1 or 3) in [0, 1], and the alpha."""
    levels = read_levels(image, opened.data, lambda one: _upright(_load(one)))
    unit = _unit(levels)
    if levels.shape[2] != 3:
        return unit[..., :-1], _opacity(np.ascontiguousarray(unit[..., -1]))
    alpha = None
    if len(opened.transparent) == 3:
        is_visible = (levels != np.array(opened.transparent, np.uint16)).any(2)
        alpha = _opacity(is_visible.astype(np.float32))
    return unit, alpha


def _of_tiff(
    opened: OpenedFile, tags: ImageFileDirectory_v2, layout: Layout
) -> tuple[Floats, Tensor | None]:
    """Samples of any depth: (H, W, 1, 3 or 4 for CMYK) in [0, 1], and the alpha."""
    samples = read_samples(tags, layout, opened.data, _load)
    unit = _unit(samples) if samples.dtype.kind == "u" else _unit_of_floats(samples)
    colours = unit[..., : layout.colours]
    if layout.photometric == WHITE_IS_ZERO:
        colours = 1 - colours
    if not layout.alpha:
        return colours, None
    opacity = unit[..., layout.colours :]
    if layout.alpha == _PREMULTIPLIED:
        colours = np.minimum(colours / np.maximum(opacity, np.float32(1 / 65535)), 1)
    return colours, _opacity(np.ascontiguousarray(opacity[..., 0]))


def _developed(opened: OpenedFile, name: str) -> tuple[Tensor, None]:
    """A raw file developed by LibRaw with the camera's white balance, 16 bits in sRGB."""
    with pillow_errors(name):
        levels = opened.raw.postprocess(use_camera_wb=True, output_bps=16, gamma=(2.4, 12.92))
    return _tensor(_unit(levels)), None


def _grey(image: Image.Image) -> Floats:
    """A grey image of any bit depth as (H, W) in [0, 1]."""
    values = np.array(image, dtype=np.float32)
    return _unit_of_floats(values, _DEEP_WHITE.get(image.mode, 255.0))


def _unit_of_floats(values: NDArray[Any], white: float = 1.0) -> Floats:
    """Values as float32 in [0, 1], where white is 1 or the brightest, if that is brighter."""
    values = values.astype(np.float32)
    peak = values.max(where=np.isfinite(values), initial=white)
    unit: Floats = np.nan_to_num(values / np.float32(peak), nan=0.0).clip(0, 1)
    return unit


def _unit(levels: NDArray[Any]) -> Floats:
    """Unsigned integers as float32 in [0, 1]."""
    unit: Floats = np.divide(levels, np.iinfo(levels.dtype).max, dtype=np.float32)
    return unit


def _tensor(colours: Floats) -> Tensor:
    """(H, W, 3) as contiguous (1, 3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(colours.transpose(2, 0, 1)))[None]


def _convert(image: Image.Image, profile: bytes | None, name: str) -> Image.Image:
    """An image of mode L, RGB or CMYK as sRGB, ignoring a missing or unusable profile."""
    if profile and profile[16:20] != b"Lab ":  # L*a*b* pictures are in sRGB already
        try:
            return apply_profile(image, profile)
        except Exception as problem:  # Pillow and LittleCMS raise many classes
            warnings.warn(
                f"The colour profile in {name} cannot be used and was ignored ({problem}).",
                stacklevel=2,
            )
    return image if image.mode == "RGB" else image.convert("RGB")


# --- colour spaces of files without a profile -----------------------------------------------------


def _space(opened: OpenedFile, name: str) -> RGBSpace | None:
    """The colour space of a picture without an ICC profile; None for sRGB.

    Raises:
        ImageError: If it has high dynamic range, which sRGB cannot show.
    """
    info = opened.image.info
    if opened.code_points is not None:
        if curve := rgb_spaces.hdr_curve(opened.code_points[1]):
            raise ImageError(
                f"{name} is a picture with high dynamic range ({curve}): save it as an ordinary "
                "PNG or JPEG picture."
            )
        return rgb_spaces.space_of_code_points(*opened.code_points)
    if "srgb" in info:
        return None
    if _is_adobe_rgb(opened.image):
        return rgb_spaces.adobe_rgb()
    points = info.get("chromaticity")
    return rgb_spaces.space_of_gamma(info.get("gamma"), points if points is None else list(points))


def _is_adobe_rgb(image: Image.Image) -> bool:
    """Whether EXIF says so, in the way of cameras (DCF) or in that of some programs."""
    if isinstance(image, PngImageFile):  # whose EXIF is not about the stored colours
        return False
    with contextlib.suppress(Exception):  # broken EXIF data says nothing
        exif = image.getexif()
        is_said = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace) == 2
        index = str(exif.get_ifd(_INTEROPERABILITY).get(_INDEX, ""))
        return is_said or index.startswith(_ADOBE_RGB_INDEX)
    return False

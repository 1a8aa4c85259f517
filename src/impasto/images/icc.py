"""ICC profiles: conversion to sRGB, by LittleCMS in 8 bits, or in floats if a profile allows it."""

from __future__ import annotations

import functools
import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from impasto.images.rgb_spaces import Array, Curve, RGBSpace, space_of_colorants

# Colour space of a profile → the mode that a picture must have.
_PROFILE_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}

_PARAMETRIC_COUNTS = {0: 1, 1: 3, 2: 4, 3: 5, 4: 7}


@functools.cache
def srgb_profile() -> bytes:
    """The ICC profile of sRGB, the same bytes in every process."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    # Bytes 24 to 36 are the creation time, by which equal pictures would differ as files.
    return profile[:24] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + profile[36:]


def apply_profile(image: Image.Image, profile: bytes) -> Image.Image:
    """An image of mode L, RGB or CMYK as sRGB, in 8 bits.

    Raises:
        Exception: Of many classes, for a profile that is broken or made for another mode.
    """
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


def matrix_space(profile: bytes) -> RGBSpace | None:
    """The space of an RGB profile that is three colorants and curves; None for any other."""
    try:
        if profile[16:20] != b"RGB " or profile[20:24] != b"XYZ ":
            return None
        tags = _tags(profile)
        if b"A2B0" in tags or b"A2B1" in tags:  # a table, which takes precedence
            return None
        colorants = np.stack([_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")], axis=1)
        red, green, blue = (_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
        return space_of_colorants(colorants, (red, green, blue))
    except (KeyError, ValueError, struct.error, np.linalg.LinAlgError):
        return None


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    if count > 1000:
        raise ValueError("too many tags")
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(count)]
    return {name: profile[start : start + size] for name, start, size in entries}


def _fixed(data: bytes, offset: int, count: int) -> list[float]:
    """Numbers with 16 bits before and 16 after the point."""
    return [value / 65536 for value in struct.unpack_from(f">{count}i", data, offset)]


def _xyz(tag: bytes) -> Array:
    if tag[:4] != b"XYZ ":
        raise ValueError("a colorant has another type")
    return np.array(_fixed(tag, 8, 3))


def _curve(tag: bytes) -> Curve:
    if tag[:4] == b"para":
        (kind,) = struct.unpack_from(">H", tag, 8)
        return _parametric(kind, _fixed(tag, 12, _PARAMETRIC_COUNTS[kind]))
    if tag[:4] != b"curv":
        raise ValueError("a curve has another type")
    (count,) = struct.unpack_from(">I", tag, 8)
    values: NDArray[np.uint16] = np.frombuffer(tag, ">u2", count, 12)
    if count < 2:
        exponent = values[0] / 256 if count else 1.0
        return lambda x: x**exponent
    places, levels = np.linspace(0, 1, count), values / 65535
    return lambda x: np.interp(x, places, levels)


def _parametric(kind: int, numbers: list[float]) -> Curve:
    """The curves of ICC.1:2010, 10.15, with what they have in common: (a x + b)^g + e, c x + f."""
    g, a, b, c, d, e, f = numbers[0], 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if kind in (1, 2):
        a, b = numbers[1:3]
        d = -b / a if a else 0.0
        e = f = numbers[3] if kind == 2 else 0.0
    elif kind in (3, 4):
        a, b, c, d = numbers[1:5]
        if kind == 4:
            e, f = numbers[5:7]

    def curve(x: Array) -> Array:
        power: Array = np.maximum(a * x + b, 0) ** g + e
        return np.where(x >= d, power, c * x + f)

    return curve

"""RGB colour spaces by primaries and tone curves, and their conversion to sRGB in floats.

For pictures without an ICC profile that say their space in another way (PNG's gAMA, cHRM and cICP,
EXIF, the code points of AVIF and HEIC), and for ICC profiles that are no more than this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Curve = Callable[[Array], Array]
"""Stored value → light, both in [0, 1]."""

Chromaticities = tuple[tuple[float, float], ...]
"""(x, y) of the white, the red, the green and the blue."""

_STRIP_PIXELS = 2**18

D65 = 0.3127, 0.3290
_SRGB_PRIMARIES = (0.64, 0.33), (0.30, 0.60), (0.15, 0.06)

# Cone responses of XYZ: Bradford, as ICC profiles use for chromatic adaptation.
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_D50_XYZ = np.array([0.9642, 1.0, 0.8249])  # of the ICC's connection space


@dataclass(frozen=True)
class RGBSpace:
    """A colour space.

    Attributes:
        to_srgb: (3, 3): light in this space → light in sRGB.
        curves: Of red, green and blue.
    """

    to_srgb: Array
    curves: tuple[Curve, Curve, Curve]


def srgb_curve(values: Array) -> Array:
    """The tone curve of sRGB (IEC 61966-2-1)."""
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encode_srgb(light: Array) -> Array:
    """Light in [0, 1] as sRGB values; the inverse of :func:`srgb_curve`."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def power_curve(exponent: float) -> Curve:
    """The curve value → value ** exponent."""
    return lambda values: values**exponent


def space_of_primaries(points: Chromaticities, curve: Curve) -> RGBSpace:
    """The space with some white and primaries, adapted to sRGB's white (Bradford).

    Raises:
        ValueError: For chromaticities that do not span a space.
    """
    own, srgb = (_rgb_to_xyz(p) for p in (points, (D65, *_SRGB_PRIMARIES)))
    adapted = _adaptation(_xyz(points[0]), _xyz(D65)) @ own
    return RGBSpace(np.linalg.solve(srgb, adapted), (curve, curve, curve))


def space_of_colorants(colorants: Array, curves: tuple[Curve, Curve, Curve]) -> RGBSpace:
    """The space of an ICC profile.

    Args:
        colorants: (3, 3): light in this space → XYZ under the ICC's white, D50.
        curves: Of red, green and blue.
    """
    srgb = _adaptation(_xyz(D65), _D50_XYZ) @ _rgb_to_xyz((D65, *_SRGB_PRIMARIES))
    return RGBSpace(np.linalg.solve(srgb, colorants), curves)


def convert(pixels: NDArray[np.float32], space: RGBSpace) -> NDArray[np.float32]:
    """Pixels (H, W, 3) in [0, 1] as sRGB; colours outside its gamut are clipped."""
    converted = np.empty_like(pixels)
    rows = max(1, _STRIP_PIXELS // max(1, pixels.shape[1]))
    for first in range(0, len(pixels), rows):
        part = pixels[first : first + rows].astype(np.float64)
        light = np.stack([c(part[..., i]) for i, c in enumerate(space.curves)], axis=-1)
        converted[first : first + rows] = encode_srgb((light @ space.to_srgb.T).clip(0, 1))
    return converted


def is_srgb(space: RGBSpace) -> bool:
    """Whether a space is sRGB up to the rounding of profiles."""
    values: Array = np.linspace(0, 1, 256)
    curves = [encode_srgb(curve(values).clip(0, 1)) - values for curve in space.curves]
    off = np.abs(space.to_srgb - np.eye(3)).max()
    return bool(off < 2e-3 and np.abs(curves).max() < 1e-3)


def adobe_rgb() -> RGBSpace:
    """Adobe RGB (1998): the optional colour space of cameras (DCF)."""
    points = D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06)
    return space_of_primaries(points, power_curve(563 / 256))


# ITU-T H.273: code → primaries, and code → curve. 1, 6, 14 and 15 are video curves, which viewers
# show like sRGB's.
_CODED_PRIMARIES: Mapping[int, Chromaticities] = {
    1: (D65, *_SRGB_PRIMARIES),
    5: (D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: (D65, (0.63, 0.34), (0.31, 0.595), (0.155, 0.07)),
    9: (D65, (0.708, 0.292), (0.17, 0.797), (0.131, 0.046)),
    11: ((0.314, 0.351), (0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
    12: (D65, (0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
}
_CODED_CURVES: Mapping[int, Curve] = {
    4: power_curve(2.2),
    5: power_curve(2.8),
    8: power_curve(1.0),
    **dict.fromkeys((1, 6, 13, 14, 15), srgb_curve),
}
_HDR_CURVES = {16: "PQ", 18: "HLG"}


def hdr_curve(transfer: int) -> str:
    """Name of the curve if a code of ITU-T H.273 means high dynamic range, else empty."""
    return _HDR_CURVES.get(transfer, "")


def space_of_code_points(primaries: int, transfer: int) -> RGBSpace | None:
    """The space of two codes of ITU-T H.273; None for sRGB, and for codes that say nothing."""
    points = _CODED_PRIMARIES.get(primaries, _CODED_PRIMARIES[1])
    curve = _CODED_CURVES.get(transfer, srgb_curve)
    if points == _CODED_PRIMARIES[1] and curve is srgb_curve:
        return None
    return space_of_primaries(points, curve)


def space_of_gamma(gamma: float | None, points: Sequence[float] | None) -> RGBSpace | None:
    """The space that PNG's gAMA and cHRM describe; None for sRGB, nearly sRGB and nonsense.

    Args:
        gamma: Exponent of the encoding, such as 0.45455; None if there is no gAMA.
        points: x and y of white, red, green and blue; None if there is no cHRM.
    """
    if gamma is None:  # libpng, too, honours cHRM only with gAMA
        return None
    # The tolerances of libpng: with most files, both only mean sRGB.
    srgb = (D65, *_SRGB_PRIMARIES)
    pairs = srgb if points is None else tuple(zip(points[::2], points[1::2], strict=True))
    is_srgb_gamut = np.abs(np.subtract(pairs, srgb)).max() <= 0.01
    if not 0.05 <= gamma <= 20 or (is_srgb_gamut and abs(gamma * 2.2 - 1) <= 0.05):
        return None
    curve = power_curve(1 / gamma)
    try:
        return space_of_primaries(srgb if is_srgb_gamut else pairs, curve)
    except ValueError:
        return None


def _xyz(point: tuple[float, float]) -> Array:
    x, y = point
    if y <= 0:
        raise ValueError("chromaticities need a positive y")
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _rgb_to_xyz(points: Chromaticities) -> Array:
    """(3, 3): light of a space → XYZ, where equal amounts make its white."""
    white, *primaries = map(_xyz, points)
    columns = np.stack(primaries, axis=1)
    if abs(np.linalg.det(columns)) < 1e-6:
        raise ValueError("the primaries are on a line")
    return columns * np.linalg.solve(columns, white)


def _adaptation(source: Array, target: Array) -> Array:
    """(3, 3): XYZ under one white → XYZ under another."""
    scale = (_BRADFORD @ target) / (_BRADFORD @ source)
    return np.linalg.solve(_BRADFORD, scale[:, None] * _BRADFORD)

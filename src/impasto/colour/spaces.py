"""Colour spaces that separate lightness from chroma, and the gamut of sRGB.

Every picture is (B, 3, H, W) float32 or float64, RGB in sRGB within [0, 1]. The conversions accept
values outside and never clip: each is one-to-one, with finite gradients even at black. Internally
they use float64: in float32, dark saturated colours would come back with errors of 2e-5. For a
device without float64 the CPU computes them. Unknown names and shapes that do not fit raise
:class:`impasto.errors.OptionError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import OptionError, unknown_name
from impasto.runtime.devices import as_float64

_BISECTIONS = 12  # chroma to 1/4096, far below a level of 8 bits
_GAMUT_TOLERANCE = 2e-6  # rounding error of float32 for a colour on the surface of the gamut
_DARKEST = 1e-8  # linear light: a hundredth of the first level of 16 bits
_DELTA = 6 / 29  # where the cube root of CIELAB becomes a straight line
CHROMA_PADDING = (0, 0, 0, 0, 0, 2)  # for F.pad: adds two channels of zeros to lightness

_RGB_TO_LMS, _LMS_TO_OKLAB, _RGB_TO_XYZ, _XYZ_TO_CIELAB, _RGB_TO_YIQ = torch.tensor(
    [
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ],
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ],
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]],
        [[0, 116, 0], [500, -500, 0], [0, 200, -200]],
        [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]],
    ],
    dtype=torch.float64,
)
_RGB_TO_XYZ /= _RGB_TO_XYZ.sum(1, keepdim=True)  # relative to white, so that greys have no chroma


def _transform(matrix: Tensor, planes: Tensor) -> Tensor:
    planes = as_float64(planes)
    return torch.einsum("ij,bjhw->bihw", matrix.to(planes.device), planes)


def to_linear(picture: Tensor) -> Tensor:
    """Linear light of sRGB, [0, 1] for [0, 1] (IEC 61966-2-1; odd, for negative values)."""
    size = picture.abs()
    curve = ((size.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4
    return torch.where(size <= 0.04045, picture / 12.92, curve.copysign(picture))


def from_linear(light: Tensor) -> Tensor:
    """The sRGB picture of linear light."""
    size = light.abs()
    curve = 1.055 * size.clamp_min(0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(size <= 0.0031308, light * 12.92, curve.copysign(light))


def to_oklab(picture: Tensor) -> Tensor:
    """OKLab of sRGB: L in [0, 1], a and b within ±0.33 (Ottosson 2020)."""
    lms = _transform(_RGB_TO_LMS, to_linear(as_float64(picture)))
    size = lms.abs()
    curve = (size.clamp_min(_DARKEST) ** (1 / 3)).copysign(lms)
    # Below it, a straight line: the cube root has an infinite slope at black.
    roots = torch.where(size <= _DARKEST, lms * _DARKEST ** (-2 / 3), curve)
    return _transform(_LMS_TO_OKLAB, roots).to(picture)


def from_oklab(colours: Tensor) -> Tensor:
    """The sRGB picture of OKLab."""
    roots = _transform(_LMS_TO_OKLAB.inverse(), colours)
    dark = roots.abs() <= _DARKEST ** (1 / 3)
    lms = torch.where(dark, roots * _DARKEST ** (2 / 3), roots**3)
    return from_linear(_transform(_RGB_TO_LMS.inverse(), lms)).to(colours)


def to_cielab(picture: Tensor) -> Tensor:
    """CIELAB of sRGB: L* in [0, 100], a* and b* within ±110 (CIE 15, white D65 of 2°)."""
    xyz = _transform(_RGB_TO_XYZ, to_linear(as_float64(picture)))
    curve = xyz.clamp_min(_DELTA**3) ** (1 / 3)
    # Both are 4/29 smaller than in the standard, which subtracts 16 = 116 · 4/29 from L* later.
    roots = torch.where(xyz <= _DELTA**3, xyz / (3 * _DELTA**2), curve - 4 / 29)
    return _transform(_XYZ_TO_CIELAB, roots).to(picture)


def from_cielab(colours: Tensor) -> Tensor:
    """The sRGB picture of CIELAB."""
    roots = _transform(_XYZ_TO_CIELAB.inverse(), colours)
    dark = roots <= _DELTA - 4 / 29
    xyz = torch.where(dark, roots * (3 * _DELTA**2), (roots + 4 / 29) ** 3)
    return from_linear(_transform(_RGB_TO_XYZ.inverse(), xyz)).to(colours)


def to_yiq(picture: Tensor) -> Tensor:
    """YIQ of sRGB: Y in [0, 1], I within ±0.6, Q within ±0.53 (NTSC 1953).

    The space of Gatys et al. (2016, arXiv:1606.05897; 2017, arXiv:1611.07865). It is linear in the
    gamma-encoded values, so Y is not quite perceived lightness.
    """
    return _transform(_RGB_TO_YIQ, picture).to(picture)


def from_yiq(colours: Tensor) -> Tensor:
    """The sRGB picture of YIQ."""
    return _transform(_RGB_TO_YIQ.inverse(), colours).to(colours)


@dataclass(frozen=True)
class Space:
    """A colour space whose first channel is lightness, and whose other channels are 0 for greys.

    Attributes:
        to: sRGB (B, 3, H, W) → this space, of the same shape.
        back: The inverse; outside [0, 1] for colours beyond the gamut of sRGB.
        white: The lightness of white; that of black is 0.
    """

    to: Callable[[Tensor], Tensor]
    back: Callable[[Tensor], Tensor]
    white: float = 1.0


SPACES: Mapping[str, Space] = {
    "oklab": Space(to_oklab, from_oklab),  # hues are stable when lightness changes
    "cielab": Space(to_cielab, from_cielab, white=100.0),  # the standard, but blues turn violet
    "yiq": Space(to_yiq, from_yiq),  # of NTSC television, as in the papers of Gatys
}
"""Colour spaces by name."""


def get_space(name: str) -> Space:
    """The colour space of that name.

    Raises:
        OptionError: For an unknown name.
    """
    if name not in SPACES:
        raise unknown_name("colour space", name, SPACES)
    return SPACES[name]


def fit_gamut(colours: Tensor, space: str = "oklab") -> Tensor:
    """The sRGB picture (B, 3, H, W) in [0, 1] of colours, with chroma reduced to fit the gamut.

    Lightness and hue are preserved, where clipping the channels would change both. Lightness beyond
    black or white is clipped. The gradient treats the reduction of chroma as constant.
    """
    check_pictures(colours)
    chosen = get_space(space)
    lightness, chroma = colours[:, :1].clamp(0, chosen.white), colours[:, 1:]
    with torch.no_grad():
        outside = ~_in_gamut(chosen.back(torch.cat([lightness, chroma], dim=1)))
        # Usually few: (N, 1 or 2, 1, 1).
        grey, tint = (part.movedim(1, -1)[outside][..., None, None] for part in (lightness, chroma))
        low, high = torch.zeros_like(grey), torch.ones_like(grey)
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            inside = _in_gamut(chosen.back(torch.cat([grey, tint * middle], dim=1)))[:, None]
            low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
        factor = torch.ones_like(lightness)
        factor[outside[:, None]] = low.flatten()  # the last that was inside, or 0 for grey
    return chosen.back(torch.cat([lightness, chroma * factor], dim=1)).clamp(0, 1)


def _in_gamut(picture: Tensor) -> Tensor:
    return ((picture - 0.5).abs() <= 0.5 + _GAMUT_TOLERANCE).all(1)  # (B, H, W)


def lightness_picture(picture: Tensor, space: str = "oklab") -> Tensor:
    """The grey picture (B, 3, H, W) in [0, 1] with the lightness of a picture."""
    check_pictures(picture)
    lightness = get_space(space).to(picture)[:, :1]
    return fit_gamut(F.pad(lightness, CHROMA_PADDING), space)


def check_pictures(*pictures: Tensor) -> None:
    """Check that pictures are (B, 3, H, W), with batches of one size or of one picture.

    Raises:
        OptionError: If they are not.
    """
    shapes = [tuple(picture.shape) for picture in pictures]
    if any(len(shape) != 4 or shape[1] != 3 or 0 in shape for shape in shapes):
        raise OptionError(f"Pictures have the shape (B, 3, H, W), not {shapes}.")
    if len({shape[0] for shape in shapes} - {1}) > 1:
        raise OptionError(f"Pictures of {shapes} do not pair up: give one, or as many of each.")

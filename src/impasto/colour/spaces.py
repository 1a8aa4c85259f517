"""Colours: spaces with a lightness of their own, the chroma of one picture on another, matching.

Every picture is (B, 3, H, W) float32 or float64, RGB in sRGB within [0, 1]. The conversions take
values outside as well and never clip: each is one-to-one, and its slope is finite even at black.
Inside they are float64: in float32, dark saturated colours would come back 2e-5 off.
Names that are not in their table raise :class:`OptionError`, as do shapes that do not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import OptionError, unknown_name

_STEPS = 12  # of the bisection: chroma to 1/4096, far below a level of 8 bits
_SLACK = 2e-6  # how far outside the gamut float32 may round a colour of its surface
_DARKEST = 1e-8  # linear light: a hundredth of the first level of 16 bits
_BEND = 6 / 29  # where CIELAB's cube root becomes a straight line
NO_CHROMA = (0, 0, 0, 0, 0, 2)  # pads lightness with two channels of zeros

T = TypeVar("T")

_CONES, _OKLAB, _XYZ, _CIELAB, _YIQ = torch.tensor(
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
_XYZ /= _XYZ.sum(1, keepdim=True)  # over the white of RGB (1, 1, 1), so that greys have no chroma


def _mix(matrix: Tensor, planes: Tensor) -> Tensor:
    return torch.einsum("ij,bjhw->bihw", matrix.to(planes.device), planes.double())


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
    cones = _mix(_CONES, to_linear(picture.double()))
    size = cones.abs()
    curve = (size.clamp_min(_DARKEST) ** (1 / 3)).copysign(cones)
    # Below, the chord of the root: its own slope at black would be infinite.
    roots = torch.where(size <= _DARKEST, cones * _DARKEST ** (-2 / 3), curve)
    return _mix(_OKLAB, roots).to(picture)


def from_oklab(colours: Tensor) -> Tensor:
    """The sRGB picture of OKLab."""
    roots = _mix(_OKLAB.inverse(), colours)
    dark = roots.abs() <= _DARKEST ** (1 / 3)
    cones = torch.where(dark, roots * _DARKEST ** (2 / 3), roots**3)
    return from_linear(_mix(_CONES.inverse(), cones)).to(colours)


def to_cielab(picture: Tensor) -> Tensor:
    """CIELAB of sRGB: L* in [0, 100], a* and b* within ±110 (CIE 15, white D65 of 2°)."""
    light = _mix(_XYZ, to_linear(picture.double()))
    curve = light.clamp_min(_BEND**3) ** (1 / 3)
    # Both are less by 4/29 than in the standard: 116 times that are the 16 it takes off L* later.
    roots = torch.where(light <= _BEND**3, light / (3 * _BEND**2), curve - 4 / 29)
    return _mix(_CIELAB, roots).to(picture)


def from_cielab(colours: Tensor) -> Tensor:
    """The sRGB picture of CIELAB."""
    roots = _mix(_CIELAB.inverse(), colours)
    dark = roots <= _BEND - 4 / 29
    light = torch.where(dark, roots * (3 * _BEND**2), (roots + 4 / 29) ** 3)
    return from_linear(_mix(_XYZ.inverse(), light)).to(colours)


def to_yiq(picture: Tensor) -> Tensor:
    """YIQ of sRGB: Y in [0, 1], I within ±0.6, Q within ±0.53 (NTSC 1953).

    The space of Gatys et al. (2016, arXiv:1606.05897; 2017, arXiv:1611.07865). It is linear in the
    gamma-encoded values, so that Y is not quite the lightness that one sees.
    """
    return _mix(_YIQ, picture).to(picture)


def from_yiq(colours: Tensor) -> Tensor:
    """The sRGB picture of YIQ."""
    return _mix(_YIQ.inverse(), colours).to(colours)


@dataclass(frozen=True)
class Space:
    """A colour space whose first channel is lightness, and whose greys have zeros in the others."""

    to: Callable[[Tensor], Tensor]  # sRGB (B, 3, H, W) to this space, of the same shape
    back: Callable[[Tensor], Tensor]  # outside [0, 1] for colours that sRGB lacks
    white: float = 1.0  # the lightness of white; black's is 0


SPACES: Mapping[str, Space] = {
    "oklab": Space(to_oklab, from_oklab),  # hues stay where lightness changes
    "cielab": Space(to_cielab, from_cielab, white=100.0),  # the standard, but blues turn violet
    "yiq": Space(to_yiq, from_yiq),  # of NTSC television, as in the papers of Gatys
}
"""The spaces that hold lightness apart from colour, by name."""


def fit_gamut(colours: Tensor, space: str = "oklab") -> Tensor:
    """The sRGB picture (B, 3, H, W) in [0, 1] of colours, made greyer until sRGB has them.

    Lightness and hue stay as they are, where clipping the channels would change both; but lightness
    beyond black or white becomes black or white. The gradient takes the change of chroma as given.
    """
    back, white = named("colour space", SPACES, space, colours).back, SPACES[space].white
    lightness, chroma = colours[:, :1].clamp(0, white), colours[:, 1:]
    with torch.no_grad():
        outside = ~_in_gamut(back(torch.cat([lightness, chroma], dim=1)))
        # Few as a rule: (N, 1 or 2, 1, 1).
        grey, tint = (part.movedim(1, -1)[outside][..., None, None] for part in (lightness, chroma))
        low, high = torch.zeros_like(grey), torch.ones_like(grey)
        for _ in range(_STEPS):
            middle = (low + high) / 2
            inside = _in_gamut(back(torch.cat([grey, tint * middle], dim=1)))[:, None]
            low, high = torch.where(inside, middle, low), torch.where(inside, high, middle)
        share = torch.ones_like(lightness)
        share[outside[:, None]] = low.flatten()  # the last that was inside, grey at the least
    return back(torch.cat([lightness, chroma * share], dim=1)).clamp(0, 1)


def _in_gamut(picture: Tensor) -> Tensor:
    return ((picture - 0.5).abs() <= 0.5 + _SLACK).all(1)  # (B, H, W)


def lightness_picture(picture: Tensor, space: str = "oklab") -> Tensor:
    """The grey picture (B, 3, H, W) in [0, 1] with the lightness of a picture."""
    lightness = named("colour space", SPACES, space, picture).to(picture)[:, :1]
    return fit_gamut(F.pad(lightness, NO_CHROMA), space)


def named(kind: str, table: Mapping[str, T], name: str, *pictures: Tensor) -> T:
    """The table's line of this name, if the pictures are some."""
    shapes = [tuple(picture.shape) for picture in pictures]
    if any(len(shape) != 4 or shape[1] != 3 or 0 in shape for shape in shapes):
        raise OptionError(f"Pictures have the shape (B, 3, H, W), not {shapes}.")
    if len({shape[0] for shape in shapes} - {1}) > 1:
        raise OptionError(f"Pictures of {shapes} do not pair up: give one, or as many of each.")
    if name not in table:
        raise unknown_name(kind, name, table)
    return table[name]

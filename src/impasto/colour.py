"""Colours: spaces with a lightness of their own, the chroma of one picture on another, matching.

Every picture is (B, 3, H, W) float32 or float64, RGB in sRGB within [0, 1]. The conversions take
values outside as well and never clip: each is one-to-one, and its slope is finite even at black.
Inside they are float64: in float32, dark saturated colours would come back 2e-5 off.
Names that are not in their table raise :class:`OptionError`, as do shapes that do not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import OptionError, unknown_name
from impasto.losses.means import positions

# Added to each colour's variance before linear matching, a quarter of a level of 8 bits, squared:
# it bounds by how much the rounding noise of a grey or plain picture is blown up into colours.
RIDGE = 1e-6
_FLAT = 1e-4  # the least deviation of lightness, as a share of white: below it a picture is plain
_STEPS = 12  # of the bisection: chroma to 1/4096, far below a level of 8 bits
_SLACK = 2e-6  # how far outside the gamut float32 may round a colour of its surface
_LEVELS = 2**20  # of a channel that are told apart: finer than 16 bits, coarser than rounding
_LEAST = 1e-9  # share of a picture: a fifth of a pixel of the largest that is read
_DARKEST = 1e-8  # linear light: a hundredth of the first level of 16 bits
_BEND = 6 / 29  # where CIELAB's cube root becomes a straight line
_NO_CHROMA = (0, 0, 0, 0, 0, 2)  # pads lightness with two channels of zeros

T = TypeVar("T")
Colours = tuple[Tensor, Tensor]  # (B, N, 3), and the share (B, N, 1) that each has of its picture

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


def keep_chroma(
    painted: Tensor, content: Tensor, space: str = "oklab", *, match: bool = False
) -> Tensor:
    """The lightness of the painted picture with the chroma of the content, by :func:`fit_gamut`.

    Both are (B, 3, H, W), of the same shape. With ``match``, the painted lightness is given the
    content's mean and deviation first.
    """
    chosen = _named("colour space", SPACES, space, painted, content)
    if painted.shape != content.shape:
        shapes = f"{tuple(painted.shape)} and {tuple(content.shape)}"
        raise OptionError(f"Painted picture and content differ, {shapes}: resize one of them.")
    lightness, theirs = chosen.to(painted)[:, :1], chosen.to(content)
    if match:
        lightness = _matched(lightness, theirs[:, :1], chosen.white)
    return fit_gamut(torch.cat([lightness, theirs[:, 1:]], dim=1), space)


def fit_gamut(colours: Tensor, space: str = "oklab") -> Tensor:
    """The sRGB picture (B, 3, H, W) in [0, 1] of colours, made greyer until sRGB has them.

    Lightness and hue stay as they are, where clipping the channels would change both; but lightness
    beyond black or white becomes black or white. The gradient takes the change of chroma as given.
    """
    back, white = _named("colour space", SPACES, space, colours).back, SPACES[space].white
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
    lightness = _named("colour space", SPACES, space, picture).to(picture)[:, :1]
    return fit_gamut(F.pad(lightness, _NO_CHROMA), space)


def match_lightness(style: Tensor, content: Tensor, space: str = "oklab") -> Tensor:
    """A grey picture: the style's lightness, shifted and scaled to the content's.

    Mean and standard deviation become the content's, as for the luminance-only transfer of Gatys
    et al. 2016 (arXiv:1606.05897), except for what lies beyond black and white and is clipped.
    Both are (B, 3, H, W), of any sizes; one content serves many styles and vice versa. A style of
    a single lightness becomes the mean of the content's.
    """
    chosen = _named("colour space", SPACES, space, style, content)
    lightness = _matched(chosen.to(style)[:, :1], chosen.to(content)[:, :1], chosen.white)
    return fit_gamut(F.pad(lightness, _NO_CHROMA), space)


def _matched(lightness: Tensor, target: Tensor, white: float) -> Tensor:
    mean, variance = (moment[..., None] for moment in _moments(_colours(lightness)))
    wanted, wanted_variance = (moment[..., None] for moment in _moments(_colours(target)))
    least = (_FLAT * white) ** 2
    scale = (wanted_variance.clamp_min(least) / variance.clamp_min(least)).sqrt()
    return (lightness - mean.to(lightness)) * scale.to(lightness) + wanted.to(lightness)


def _named(kind: str, table: Mapping[str, T], name: str, *pictures: Tensor) -> T:
    """The table's line of this name, if the pictures are some."""
    shapes = [tuple(picture.shape) for picture in pictures]
    if any(len(shape) != 4 or shape[1] != 3 or 0 in shape for shape in shapes):
        raise OptionError(f"Pictures have the shape (B, 3, H, W), not {shapes}.")
    if len({shape[0] for shape in shapes} - {1}) > 1:
        raise OptionError(f"Pictures of {shapes} do not pair up: give one, or as many of each.")
    if name not in table:
        raise unknown_name(kind, name, table)
    return table[name]


def match_colours(
    style: Tensor,
    content: Tensor,
    method: str = "pca",
    *,
    style_weights: Tensor | None = None,
    content_weights: Tensor | None = None,
    clip: bool = True,
) -> Tensor:
    """The style picture in the colours of the content: its patterns, but not its palette.

    Computed in float64 whatever the pictures are, and without a gradient: it prepares pictures.

    Args:
        style: (B, 3, H, W).
        content: (B, 3, H, W) of any size; one content serves many styles and vice versa.
        method: One of ``METHODS``.
        style_weights: (B or 1, 1, H, W) ≥ 0, how much each pixel counts; all are recoloured.
        content_weights: The same for the content.
        clip: Whether values outside [0, 1], which the linear methods can give, are clipped.
    """
    match = _named("colour matching", METHODS, method, style, content)
    batch = max(len(style), len(content))
    with torch.no_grad():
        source = _colours(style.expand(batch, -1, -1, -1), style_weights)
        target = _colours(content.expand(batch, -1, -1, -1), content_weights)
        matched = match(source, target).mT.reshape(batch, *style.shape[1:]).to(style)
    return matched.clamp(0, 1) if clip else matched


def cholesky_map(source: Tensor, target: Tensor) -> Tensor:
    """Lc Ls⁻¹ of covariances Σ = L Lᵀ (..., 3, 3): triangular, so the channels' order matters.

    As all maps here it is an A with A Σs Aᵀ = Σc. Of Gatys et al. 2016 (arXiv:1606.05897).
    """
    factor, wanted = torch.linalg.cholesky(source), torch.linalg.cholesky(target)
    mapping: Tensor = torch.linalg.solve_triangular(factor, wanted, upper=False, left=False)
    return mapping


def pca_map(source: Tensor, target: Tensor) -> Tensor:
    """Σc^½ Σs^-½: colours are made white along their principal axes (Gatys et al. 2016)."""
    return _power(target, 0.5) @ _power(source, -0.5)


def monge_kantorovich_map(source: Tensor, target: Tensor) -> Tensor:
    """Σs^-½ (Σs^½ Σc Σs^½)^½ Σs^-½: colours move the least they can (Pitié & Kokaram 2007)."""
    root, whitening = _power(source, 0.5), _power(source, -0.5)
    return whitening @ _power(root @ target @ root, 0.5) @ whitening


def _power(matrix: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    # The ridge keeps the values above zero, but for rounding.
    values = values.clamp_min(torch.finfo(values.dtype).tiny) ** exponent
    return torch.einsum("...ij,...j,...kj->...ik", vectors, values, vectors)


def _linear(find: Callable[[Tensor, Tensor], Tensor], source: Colours, target: Colours) -> Tensor:
    ridge = RIDGE * torch.eye(3, dtype=torch.float64)
    (mean, covariance), (wanted, wanted_covariance) = _moments(source), _moments(target)
    matrix = find(covariance + ridge, wanted_covariance + ridge)
    return (source[0] - mean) @ matrix.mT + wanted


def match_histograms(source: Colours, target: Colours) -> Tensor:
    """Each channel by itself, its values replaced by the target's of the same rank.

    Equal values stay equal: they become the mean of the values of their ranks. So each channel
    reaches the target's mean exactly, and its histogram but for that. How the channels belong
    together is not looked at: hues can appear that neither picture has. And where the source has
    few levels, or a narrow range full of noise, large steps or strong noise come out.
    """
    # Four of (B, 3, N or M), of whose channels each is a line by itself.
    parts = [part.expand_as(pair[0]).mT for pair in (source, target) for part in pair]
    lines = zip(*(part.flatten(0, 1) for part in parts), strict=True)
    return torch.stack([_rearranged(*line) for line in lines]).view(parts[0].shape).mT


def _rearranged(values: Tensor, shares: Tensor, wanted: Tensor, wanted_shares: Tensor) -> Tensor:
    """Optimal transport on a line: (N,) values to the means of the (M,) wanted of their ranks."""
    # Equal but for what resizing adds by rounding, which else would become strong noise.
    levels, index = torch.unique((values * _LEVELS).round(), return_inverse=True)
    mass = torch.zeros_like(levels).index_add_(0, index, shares)
    # A level without weight takes the value at its place in the order, a mean over hardly a rank.
    middle, half = mass.cumsum(0) - mass / 2, mass.clamp_min(_LEAST) / 2
    low, high = (middle - half).clamp(0, 1), (middle + half).clamp(0, 1)

    wanted, order = wanted.sort()
    steps = torch.stack([wanted_shares[order], wanted_shares[order] * wanted])
    edges, sums = F.pad(steps.cumsum(1), (1, 0)).unbind()

    def integral(rank: Tensor) -> Tensor:
        # Of the wanted values in order, from rank 0: a straight line within each.
        at = torch.searchsorted(edges, rank, right=True).clamp(1, len(wanted)) - 1
        return sums.take(at) + (rank - edges.take(at)) * wanted.take(at)

    return ((integral(high) - integral(low)) / (high - low)).take(index)


METHODS: Mapping[str, Callable[[Colours, Colours], Tensor]] = {
    "cholesky": partial(_linear, cholesky_map),
    "pca": partial(_linear, pca_map),
    "monge-kantorovich": partial(_linear, monge_kantorovich_map),
    "histogram": match_histograms,
}
"""Ways to match colours: (source, target) → the source's colours (B, N, 3) made the target's."""


def _colours(picture: Tensor, weights: Tensor | None = None) -> Colours:
    # On the CPU: once per picture is soon done, and comes out the same whatever the device.
    picture = picture.to("cpu", torch.float64)
    if weights is not None and len(weights) not in (1, len(picture)):
        raise OptionError(f"{len(weights)} weight maps do not fit {len(picture)} pictures.")
    colours, shares = positions(picture, None if weights is None else weights.cpu())
    if shares is None:
        shares = torch.full_like(colours[..., :1], 1 / colours.shape[1])
    return colours, shares.expand(len(colours), -1, -1)


def _moments(colours: Colours) -> tuple[Tensor, Tensor]:
    """Mean (B, 1, C) and covariance (B, C, C)."""
    values, shares = colours
    mean = (values * shares).sum(1, keepdim=True)
    centred = values - mean
    return mean, centred.mT @ (centred * shares)

"""The colours that a picture may have: as colourful as its styles, hue by hue.

A bound is a convex set of chromas around grey, of four quarters of ellipses: along the principal
axis of the style's chromas and across it, each way. A picture is brought inside by moving its
pixels towards the grey of the same luma, which never leaves the gamut of sRGB. Chromas are measured
in the plane of YIQ, which is linear in the gamma-encoded values: a projection and its derivative
cost a few operations per pixel.

How far a style reaches along a half-axis is its mean plus two standard deviations. The noise of a
grey style is thus bounded by its own size. The bound is wider than this reach, the more so the more
colourful the style is that way and the more its colours vary: that of nearly every painting holds
all of sRGB, and changes nothing. A style of one hue, such as a sepia print, bounds the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.colour.spaces import to_yiq
from impasto.images.picture import as_float
from impasto.runtime.strips import strips

_DEVIATIONS = 2.0  # from the mean: how far a style reaches
_COLOURFUL = 8 / 255  # chroma at which the bound is twice what the style reaches
_VARIED = 6 / 255  # deviation of all chromas at which the style reaches as far again every way
_LEAST = 1e-4  # smallest bound, a fortieth of a level of 8 bits
_GREY = 1 / 1024  # a style of less chroma is grey: a quarter of a level
_STRIP_PIXELS, _SAMPLES = 2**15, 2**16

_YIQ = to_yiq(torch.eye(3, dtype=torch.float64).view(1, 3, 1, 3))[0, :, 0]
"""Y, I and Q (rows) of red, green and blue."""

Samples = tuple[Tensor, Tensor]
"""Colours (N, 3) in [0, 1], and the weight (N,) ≥ 0 of each."""


@dataclass(frozen=True)
class ChromaBound:
    """Greatest chromas along four half-axes, and the chroma that pictures should have.

    Attributes:
        axes: Two orthogonal axes of the plane of chroma, as functions of red, green and blue that
            are zero for greys, (2, 3).
        limits: Greatest chromas ≥ 0 along them, upwards and downwards, (2, 2); all zero for grey
            styles.
        chroma: Root mean square to which :meth:`fit` reduces more colourful pictures.
    """

    axes: Tensor
    limits: Tensor
    chroma: float = math.inf

    def to(self, device: torch.device) -> ChromaBound:
        """The bound for pictures on a device."""
        return ChromaBound(self.axes.to(device), self.limits.to(device), self.chroma)

    @property
    def is_grey(self) -> bool:
        """Whether only greys are allowed."""
        return not self.limits.any()

    @property
    def is_open(self) -> bool:
        """Whether no colour of sRGB is beyond it."""
        corners = torch.cartesian_prod(*torch.tensor([[0.0, 1.0]] * 3)).mT.view(1, 3, 8, 1)
        return bool((self.excess(corners.to(self.limits)) <= 1).all())

    def excess(self, picture: Tensor) -> Tensor:
        """How many times the bound each chroma has, (B, 1, H, W): above 1 outside."""
        return _length(self._in_limits(picture)[0])

    def project(self, picture: Tensor) -> Tensor:
        """Chroma reduced to the bound, luma kept; (B, 3, H, W) in [0, 1] both.

        Colours within the bound stay the same to the bit; greys have three equal channels.
        """
        result = torch.empty_like(picture)
        for rows, part in strips(result, picture, max_elements=3 * _STRIP_PIXELS):
            luma = _luma(part)
            if self.is_grey:
                rows.copy_(luma.expand_as(part))
            else:
                excess = self.excess(part)
                rows.copy_(torch.where(excess > 1, luma + (part - luma) / excess, part))
        return result

    def pull_back(self, picture: Tensor, gradient: Tensor) -> Tensor:
        """The gradient of f(project(picture)) in the picture, from that of f in the projection."""
        result = torch.empty_like(gradient)
        weights = _YIQ[0].to(picture).view(1, 3, 1, 1)
        for rows, part, slope in strips(result, picture, gradient, max_elements=3 * _STRIP_PIXELS):
            along_luma = _sum(slope) * weights
            if self.is_grey:
                rows.copy_(along_luma)
                continue
            # The projection is Y + (x − Y) / ρ. The slope of the excess ρ is A (A x / l) / l ρ.
            ratios, scale = self._in_limits(part)
            excess = _length(ratios)
            shrunk = along_luma + (slope - along_luma) / excess
            along_chroma = _sum(slope * (part - _luma(part))) / excess**3
            shrunk -= torch.einsum(
                "kc,bkhw->bchw", self.axes.to(part), ratios * scale * along_chroma
            )
            rows.copy_(torch.where(excess > 1, shrunk, slope))
        return result

    def fit(self, picture: Tensor, weights: Tensor | None = None) -> Tensor:
        """A picture to start from: all chroma reduced alike, so that hues keep their relations.

        Args:
            picture: (1, 3, H, W) in [0, 1].
            weights: (1, 1, H, W) ≥ 0, how much each pixel's chroma counts.
        """
        colours, shares = sample(picture, weights)
        chroma = math.sqrt(float(shares @ (colours @ _YIQ[1:].to(colours).mT).square().sum(1)))
        if chroma > self.chroma:
            luma = _luma(picture)
            picture = luma + (picture - luma) * (self.chroma / chroma)
        return self.project(picture)

    def _in_limits(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Chromas along the axes as shares of their limits; 1 / limits; (B, 2, H, W) both."""
        chroma = torch.einsum("kc,bchw->bkhw", self.axes.to(picture), picture)
        up, down = (1 / self.limits.to(picture).clamp_min(_LEAST)).view(2, 1, 2, 1, 1)
        scale = torch.where(chroma > 0, up, down)
        return chroma * scale, scale


def sample(picture: Tensor, weights: Tensor | None = None) -> Samples:
    """At most ``_SAMPLES`` colours of a picture (1, 3, H, W), in a regular grid, with weights.

    Args:
        picture: (1, 3, H, W) in [0, 1].
        weights: (1, 1, H, W) ≥ 0; equal by default. The weights of the samples sum to one.
    """
    stride = max(1, math.ceil(math.sqrt(picture[0, 0].numel() / _SAMPLES)))
    colours = as_float(picture[0, :, ::stride, ::stride]).flatten(1).mT
    if weights is None:
        return colours, torch.full_like(colours[:, 0], 1 / len(colours))
    counts = weights[0, 0, ::stride, ::stride].flatten().to(colours)
    total = counts.sum()
    if not total:  # a mask that is thinner than the grid
        return sample(picture)
    return colours, counts / total


def bound_of(samples: Sequence[Samples], shares: Sequence[float]) -> ChromaBound:
    """The bound of styles, which are mixed by their shares.

    Args:
        samples: Of each style, by :func:`sample`.
        shares: Of each style, ≥ 0 and not all zero.
    """
    colours = torch.cat([each for each, _ in samples]).cpu().double()
    total = sum(shares)
    weights = torch.cat(
        [each * (share / total) for (_, each), share in zip(samples, shares, strict=True)]
    ).cpu().double()  # fmt: skip
    chroma = colours @ _YIQ[1:].mT
    spread = chroma.mT @ (chroma * weights[:, None])  # around grey
    axes = torch.linalg.eigh(spread).eigenvectors.mT
    along = chroma @ axes.mT
    counted = along[weights > 0]
    # Nothing counts in a mask that is empty, which is refused where masks are checked.
    if not len(counted) or float(counted.abs().max()) < _GREY:
        return ChromaBound(_YIQ[1:].float(), torch.zeros(2, 2), 0.0)
    mean = weights @ along
    variance = weights @ (along - mean).square()
    deviation = _DEVIATIONS * variance.sqrt()
    reach = torch.stack([mean + deviation, deviation - mean]).clamp_min(0)
    reach += variance.sum() ** 1.5 / _VARIED**2
    return ChromaBound(
        (axes @ _YIQ[1:]).float(),
        _widened(reach).float(),
        float(_widened(spread.trace().sqrt())),
    )


def _widened(reach: Tensor) -> Tensor:
    return reach * (1 + (reach / _COLOURFUL) ** 4)


def _luma(picture: Tensor) -> Tensor:
    return torch.einsum("c,bchw->bhw", _YIQ[0].to(picture), picture)[:, None]


def _length(pairs: Tensor) -> Tensor:
    # ``norm(dim=1)`` takes ten times as long.
    return torch.hypot(pairs[:, 0:1], pairs[:, 1:2])


def _sum(planes: Tensor) -> Tensor:
    # ``sum(1)`` does as well.
    return planes[:, 0:1] + planes[:, 1:2] + planes[:, 2:3]

"""The range of lightness of one picture given to another, by a curve.

A linear match of colours gives a dark picture the mean of a light one, but not its range: a dark
picture has many dark and few light pixels, a light one the reverse. Blacks become greys, and whites
are clipped. A curve changes this asymmetry, and keeps all differences between neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.colour.chroma_bound import Samples, sample
from impasto.colour.matching import MIN_DEVIATION
from impasto.colour.modes import apply_in_strips
from impasto.colour.spaces import fit_gamut, get_space

LIGHTNESSES = ("content", "style", "linear")
"""Whose lightness a recoloured style picture has."""

_QUANTILES = (0.01, 0.5, 0.99)  # not the ends: single pixels set no range
_LEAST_SHARE = 0.1  # of the range that either half of the pixels gets

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class ToneCurve:
    """Two straight lines through three points.

    Attributes:
        source: Lightness at the points, ascending; beyond them, values are clipped.
        target: Lightness that they become.
    """

    source: Triple
    target: Triple

    def __call__(self, lightness: Tensor) -> Tensor:
        """The lightness on the curve, of any shape."""
        (low, middle, high), (target_low, target_middle, target_high) = self.source, self.target
        below = ((lightness - low) / (middle - low)).clamp(0, 1)
        above = ((lightness - middle) / (high - middle)).clamp(0, 1)
        rise, further = target_middle - target_low, target_high - target_middle
        return target_low + rise * below + further * above


def tone_curve(source: Samples, target: Samples, white: float = 1.0) -> ToneCurve:
    """The curve that gives one picture the range and the mean of lightness of another.

    It bends at the median. Each half of the pixels keeps a tenth of the range at least: if the
    other picture is mostly black or white, the mean is not quite reached.

    Args:
        source: Lightness (N,) and weights (N,) that sum to one.
        target: The same of the other picture.
        white: The lightness of white.
    """
    (lightness, weights), (other, other_weights) = (
        (values.cpu().double(), shares.cpu().double()) for values, shares in (source, target)
    )
    mean, least = float(other_weights @ other), MIN_DEVIATION * white
    low, middle, high = _quantiles(lightness, weights)
    if high - low < 2 * least:  # a plain picture gets the mean
        return ToneCurve((low - least, low, low + least), (mean, mean, mean))
    middle = min(max(middle, low + least), high - least)
    bottom, _, top = _quantiles(other, other_weights)
    # The mean of the curve is linear in where it bends.
    means = [
        float(weights @ ToneCurve((low, middle, high), (bottom, bend, top))(lightness))
        for bend in (bottom, top)
    ]
    share = (mean - means[0]) / max(means[1] - means[0], least)
    share = min(max(share, _LEAST_SHARE), 1 - _LEAST_SHARE)
    return ToneCurve((low, middle, high), (bottom, bottom + share * (top - bottom), top))


def give_lightness(
    recoloured: Tensor,
    style: Tensor,
    content: Tensor,
    space: str,
    whose: str = "content",
    content_weights: Tensor | None = None,
) -> Tensor:
    """A recoloured style picture with the lightness of the style, on a curve or as it is.

    Args:
        recoloured: Whose chroma is kept, (1, 3, H, W) in [0, 1].
        style: The picture before, of the same size.
        content: Whose range and mean of lightness it gets, (1, 3, H', W').
        space: Name in :data:`impasto.colour.spaces.SPACES`.
        whose: ``"content"``: on the curve to the content's range and mean; ``"style"``: the style's
            own; ``"linear"``: as it was recoloured.
        content_weights: (1, 1, H', W') ≥ 0, how much each pixel of the content counts.
    """
    if whose == "linear":
        return recoloured
    chosen = get_space(space)

    def lightness_of(samples: Samples) -> Samples:
        colours, weights = samples
        return chosen.to(colours.mT[None, ..., None])[0, 0, :, 0], weights

    def identity(lightness: Tensor) -> Tensor:
        return lightness

    curve = identity if whose == "style" else tone_curve(
        lightness_of(sample(style)), lightness_of(sample(content, content_weights)), chosen.white
    )  # fmt: skip

    def combine(chroma: Tensor, before: Tensor, space: str) -> Tensor:
        lightness = curve(chosen.to(before)[:, :1])
        return fit_gamut(torch.cat([lightness, chosen.to(chroma)[:, 1:]], dim=1), space)

    return apply_in_strips(combine, space, recoloured, style)


def _quantiles(values: Tensor, weights: Tensor) -> Triple:
    ordered, order = values.sort()
    ranks, last = weights[order].cumsum(0), len(ordered) - 1
    low, middle, high = (
        float(ordered[min(int(torch.searchsorted(ranks, each)), last)]) for each in _QUANTILES
    )
    return low, middle, high

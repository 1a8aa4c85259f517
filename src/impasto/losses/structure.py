"""Forms: where light and dark lie in a photograph, at the scale of eyes, mouths and letters.

The structure term of SSIM (Wang, Bovik, Sheikh & Simoncelli 2004, "Image quality assessment: from
error visibility to structural similarity", eq. 10) as a loss. Windows are correlated, so neither
other tones nor another contrast cost anything: a style stays free to choose them. A window counts
as much as the photograph has contrast there, so that a face counts and an even sky does not.
"""

from __future__ import annotations

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

from impasto.losses.moments import at_least_float32

SIDES = (128, 64)
"""Long sides in pixels at which forms are compared: features, such as eyes, and what holds them."""

WINDOW = 7
"""Side of the windows in pixels of these sizes: an eye of a portrait, a letter of a sign."""

FAINT = 4 / 255
"""Standard deviation of a window's luma that hardly counts as contrast."""

PLAIN = 0.02
"""Mean contrast of a photograph without forms: most have 0.05 to 0.15. One with less is followed
less, as its noise would be followed."""

_LUMA = (0.299, 0.587, 0.114)


class Forms(NamedTuple):
    """What is compared of a photograph at one size.

    Attributes:
        pool: Side of the squares that are averaged, in pixels of the picture.
        luma: (1, 1, h, w), at that size.
        mean: Of every window, (1, 1, h − WINDOW + 1, w − WINDOW + 1).
        contrast: Standard deviations of the windows.
        weights: Of the windows; their sum is one, or less for a plain photograph.
    """

    pool: int
    luma: Tensor
    mean: Tensor
    contrast: Tensor
    weights: Tensor


def forms(photograph: Tensor) -> list[Forms]:
    """The forms of a photograph at the sizes of :data:`SIDES`, each size once.

    Args:
        photograph: (1, 3, H, W) in [0, 1].

    Returns:
        None for pictures that are too small for a window.
    """
    pools = dict.fromkeys(max(1, round(max(photograph.shape[-2:]) / side)) for side in SIDES)
    return [
        _forms(photograph, pool) for pool in pools if min(photograph.shape[-2:]) >= pool * WINDOW
    ]


def structure_loss(image: Tensor, target: Forms) -> Tensor:
    """How little a picture's windows correlate with a photograph's, (B,).

    Args:
        image: (B, 3, H, W), of the photograph's size.
        target: Of the photograph.

    Returns:
        0 where light and dark lie as in the photograph, nearly 1 for unrelated pictures, nearly 2
        for negatives.
    """
    luma = _luma(image, target.pool)
    mean = _means(luma)
    variance = (_means(luma.square()) - mean.square()).clamp_min(0)
    covariance = _means(luma * target.luma) - mean * target.mean
    deviations = ((variance + FAINT**2) * (target.contrast.square() + FAINT**2)).sqrt()
    correlation = (covariance + FAINT**2) / deviations
    return (target.weights * (1 - correlation)).sum((1, 2, 3))


def _forms(photograph: Tensor, pool: int) -> Forms:
    luma = _luma(photograph, pool)
    mean = _means(luma)
    contrast = (_means(luma.square()) - mean.square()).clamp_min(0).sqrt()
    weights = contrast * (contrast > FAINT)
    total = weights.sum().clamp_min(PLAIN * weights.numel())
    return Forms(pool, luma, mean, contrast, weights / total)


def _luma(image: Tensor, pool: int) -> Tensor:
    pooled = at_least_float32(F.avg_pool2d(image, pool) if pool > 1 else image)
    return (pooled * pooled.new_tensor(_LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def _means(maps: Tensor) -> Tensor:
    """Means over all windows that lie within the maps."""
    return F.avg_pool2d(F.avg_pool2d(maps, (WINDOW, 1), stride=1), (1, WINDOW), stride=1)

"""How much of a photograph's structure a painting keeps, without looking for faces or letters."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.colour.spaces import to_yiq
from impasto.images.picture import fit_size, resize

SIDES = (128, 64)
"""Long sides in pixels at which pictures are compared: features, such as eyes, and large forms."""

_WINDOW = 7  # pixels
_LEAST = 2 / 255
"""Standard deviation of the luma below which a window of the photograph is even."""


def kept_structure(result: Tensor, content: Tensor) -> float:
    """The share of a photograph's structure that a painting of it keeps.

    Windows of both pictures are correlated by their luma, at the two sizes of ``SIDES``. This is
    the structure term of SSIM (Wang, Bovik, Sheikh & Simoncelli 2004, eq. 10) without its sign:
    neither other colours nor another contrast count, nor dark strokes on a light ground for light
    ones on a dark ground. A window counts as much as the photograph has contrast there, so that an
    even sky or wall does not.

    Args:
        result: (1, 3, H, W), sRGB in [0, 1].
        content: (1, 3, H', W') of the same shape of picture, sRGB in [0, 1].

    Returns:
        From 0 to 1; 1 for the same picture, and for a photograph without any contrast.
    """
    scores = [_kept(result, content, side) for side in SIDES]
    return sum(scores) / len(scores)


def _kept(result: Tensor, content: Tensor, long_side: int) -> float:
    height, width = content.shape[-2:]
    size = fit_size((height, width), min(long_side, max(height, width)))
    ours, theirs = (to_yiq(resize(p.float(), size))[:, :1] for p in (result, content))
    window = min(_WINDOW, *size)

    def mean(values: Tensor) -> Tensor:
        return F.avg_pool2d(values, window, stride=1)

    variance = mean(ours.square()) - mean(ours).square()
    contrast = (mean(theirs.square()) - mean(theirs).square()).clamp(min=0).sqrt()
    covariance = mean(ours * theirs) - mean(ours) * mean(theirs)
    deviations = variance.clamp(min=_LEAST**2).sqrt() * contrast.clamp(min=_LEAST)
    weights = torch.where(contrast > _LEAST, contrast, 0)
    total = float(weights.sum())
    return (
        float((weights * (covariance / deviations).abs().clamp(max=1)).sum()) / total
        if total
        else 1.0
    )

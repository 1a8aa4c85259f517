"""Structural similarity (SSIM) of pictures and of their edge maps."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from impasto.errors import ImageError, OptionError
from impasto.metrics.edges import STEP_EDGE, edge_map, luma
from impasto.metrics.registry import Metric
from impasto.runtime.devices import as_float64

WINDOW = 11
"""Side of the window of :func:`ssim` and minimum side of a picture, in pixels."""

_DEVIATION = 1.5
_K1, _K2 = 0.01, 0.03


def ssim(result: Tensor, content: Tensor) -> Tensor:
    """Mean structural similarity of the luma, (B,), computed in float64.

    Wang, Bovik, Sheikh & Simoncelli 2004, "Image quality assessment: from error visibility to
    structural similarity", eq. 13 and 17. As there: a Gaussian window of 11×11 pixels and standard
    deviation 1.5, K₁ = 0.01, K₂ = 0.03. The dynamic range is 1. The mean is over windows that lie
    within the picture, which is not downscaled first.

    Args:
        result: (B, 3, H, W), sRGB in [0, 1].
        content: Same shape.

    Returns:
        In [−1, 1]; 1 for the same picture.

    Raises:
        OptionError: The sizes differ.
        ImageError: A side is shorter than ``WINDOW`` pixels.
    """
    return _mean_similarity(luma(result), luma(content), 1.0)


def edge_ssim(result: Tensor, content: Tensor) -> Tensor:
    """Mean structural similarity of the Sobel maps, (B,): whether lines are where they were.

    :func:`ssim` of :func:`impasto.metrics.edges.edge_map`, with ``STEP_EDGE`` as dynamic range.
    Gradient maps are the idea of Chen, Yang & Xie 2006, "Gradient-based structural similarity for
    image quality assessment". They use them for contrast and structure only. Here they replace the
    picture throughout, so that its colours do not count.

    Arguments, range and errors are those of :func:`ssim`.
    """
    return _mean_similarity(edge_map(result), edge_map(content), STEP_EDGE)


def _mean_similarity(first: Tensor, second: Tensor, dynamic_range: float) -> Tensor:
    if first.shape != second.shape:
        raise OptionError(
            f"Result and content are {tuple(first.shape[-2:])} and {tuple(second.shape[-2:])}: "
            "both pictures must have the same size."
        )
    if min(first.shape[-2:]) < WINDOW:
        height, width = first.shape[-2:]
        raise ImageError(
            f"A picture of {width}×{height} px is too small for SSIM: it needs at least "
            f"{WINDOW} px each way."
        )
    x, y = as_float64(first), as_float64(second)
    maps = torch.cat([x, y, x * x, y * y, x * y], dim=1)  # (B, 5, H, W)
    mean_x, mean_y, xx, yy, xy = _window_means(maps).unbind(1)
    c1, c2 = (_K1 * dynamic_range) ** 2, (_K2 * dynamic_range) ** 2
    means = mean_x * mean_y
    squares = mean_x.square() + mean_y.square()
    similarity = (2 * means + c1) * (2 * (xy - means) + c2)
    similarity = similarity / ((squares + c1) * (xx + yy - squares + c2))
    return similarity.mean((1, 2)).to(first)


def _window_means(maps: Tensor) -> Tensor:
    """Gaussian means over all windows within the picture, (B, C, H − 10, W − 10)."""
    squares = [(offset - WINDOW // 2) ** 2 for offset in range(WINDOW)]
    weights = [math.exp(-square / (2 * _DEVIATION**2)) for square in squares]
    # Shifted sums: convolutions of float64 take twenty times as long.
    for axis in (-2, -1):
        length = maps.shape[axis] - WINDOW + 1
        shifted = torch.zeros_like(maps.narrow(axis, 0, length))
        for offset, weight in enumerate(weights):
            shifted.add_(maps.narrow(axis, offset, length), alpha=weight / sum(weights))
        maps = shifted
    return maps


SSIM = Metric(
    ssim,
    reference="content",
    better="higher",
    range=(-1, 1),
    about="structural similarity of the luma",
    source="Wang, Bovik, Sheikh & Simoncelli 2004",
)

EDGE_SSIM = Metric(
    edge_ssim,
    reference="content",
    better="higher",
    range=(-1, 1),
    about="structural similarity of the Sobel maps",
    source="after Chen, Yang & Xie 2006",
)

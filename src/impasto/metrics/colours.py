"""How far apart the colours of two pictures are, wherever in the pictures they stand."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from impasto.colour.spaces import to_oklab
from impasto.losses.sliced import QUANTILES, random_directions

BINS = (16, 16, 16)
"""Of lightness, a and b."""

_RANGES = ((0.0, 1.0), (-0.4, 0.4), (-0.4, 0.4))  # sRGB's a and b lie within ±0.32


def colour_distance(result: Tensor, style: Tensor) -> Tensor:
    """Sliced Wasserstein-2 distance of the distributions of OKLab colours, (B,).

    Rabin, Peyré, Delon & Bernot 2011, "Wasserstein barycenter and its application to texture
    mixing"; along the 18 fixed directions of :mod:`impasto.losses.sliced`, so that the same
    pictures give the same figure, and scaled as there: two palettes that differ by a shift are as
    far apart as the shift is long. 0.02 is about the least difference one sees, 1 is from black
    to white.

    Args:
        result: (B, 3, H, W), sRGB in [0, 1].
        style: (B, 3, H', W'), sRGB in [0, 1].

    Returns:
        In [0, ≈1].
    """
    own, wanted = _quantiles(result), _quantiles(style)  # (B, directions, QUANTILES)
    distances = (own - wanted).square().mean((1, 2))
    return (3 * distances).sqrt().to(result)


def _quantiles(picture: Tensor) -> Tensor:
    """The quantile function of the colours along each direction, as means over equal parts.

    What :func:`impasto.losses.sliced.quantiles` gives, without a gradient and ten times as fast.
    """
    directions = random_directions(3, torch.float64, torch.device("cpu"))
    colours = to_oklab(picture.detach().double().cpu()).flatten(2)  # (B, 3, n)
    ordered = np.sort((directions.mT @ colours).numpy(), axis=-1)
    count = ordered.shape[-1]
    integral = np.pad(ordered.cumsum(-1), ((0, 0), (0, 0), (1, 0)))
    ends = np.linspace(0, count, QUANTILES + 1)
    whole = np.minimum(ends.astype(int), count - 1)
    reached = integral[..., whole] + (ends - whole) * ordered[..., whole]
    return torch.from_numpy(np.diff(reached) * (QUANTILES / count))


def histogram_distance(result: Tensor, style: Tensor) -> Tensor:
    """Hellinger distance of OKLab histograms of 16×16×16 bins, (B,).

    √(1 − Σ √(p q)), as HistoGAN compares its histograms (Afifi, Brubaker & Brown 2021,
    arXiv:2011.11731). It asks which colours occur in both, not how near the others are: of two
    greys that fall into different bins it says 1, where :func:`colour_distance` says hardly
    anything.

    Args:
        result: (B, 3, H, W), sRGB in [0, 1].
        style: (B, 3, H', W'), sRGB in [0, 1].

    Returns:
        In [0, 1]: 0 for the same histogram, 1 for no colour in common.
    """
    common = (_histogram(result) * _histogram(style)).sqrt().sum(1)
    return (1 - common).clamp_min(0).sqrt().to(result)


def _histogram(picture: Tensor) -> Tensor:
    """The share of the pixels in each bin: (B, 4096), float64."""
    index = torch.zeros_like(picture[:, 0], dtype=torch.int64)
    for plane, bins, (low, high) in zip(
        to_oklab(picture).unbind(1), BINS, _RANGES, strict=True
    ):  # fmt: skip
        place = ((plane - low) / (high - low) * bins).floor().long().clamp(0, bins - 1)
        index = index * bins + place
    count = BINS[0] * BINS[1] * BINS[2]
    counts = [torch.bincount(one, minlength=count) for one in index.flatten(1)]
    return torch.stack(counts).double() / index[0].numel()

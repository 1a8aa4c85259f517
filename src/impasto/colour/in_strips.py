"""Colours of large pictures matched in strips of rows: float64 copies then take little memory.

Pictures up to ``SMALL`` pixels are matched whole, by :mod:`impasto.colour.matching`; larger ones
give the same up to the rounding of sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.colour.matching import (
    LEVELS,
    LINEAR_MAPS,
    MIN_DEVIATION,
    RIDGE,
    match_colours,
    match_lightness,
    means_of_ranks,
    transport_ranks,
)
from impasto.colour.spaces import CHROMA_PADDING, fit_gamut, get_space
from impasto.runtime.devices import as_float64
from impasto.runtime.strips import strips

SMALL = 2**20
"""Pixels of a picture that is matched whole: about 150 bytes each."""

_STRIP_PIXELS = 2**18

Read = Callable[[Tensor], Tensor]
"""Rows of a picture (1, 3, h, W) → what is measured of them, (1, C, h, W)."""


def match_colours_in_strips(
    style: Tensor, content: Tensor, method: str, content_weights: Tensor | None
) -> Tensor:
    """See :func:`impasto.colour.matching.match_colours`.

    Args:
        style: (1, 3, H, W).
        content: (1, 3, H', W').
        method: Name in :data:`impasto.colour.matching.METHODS`.
        content_weights: (1, 1, H', W') ≥ 0, or None.
    """
    if _are_small(style, content) or method not in (*LINEAR_MAPS, "histogram"):
        return match_colours(style, content, method, content_weights=content_weights)
    if method == "histogram":
        return _match_histograms(style, content, content_weights)
    mean, covariance = moments_in_strips(style)
    target_mean, target_covariance = moments_in_strips(content, content_weights)
    ridge = RIDGE * torch.eye(3, dtype=mean.dtype, device=mean.device)
    matrix = LINEAR_MAPS[method](covariance + ridge, target_covariance + ridge)
    matched = torch.empty_like(style)
    for rows, part in strips(matched, style, max_elements=3 * _STRIP_PIXELS):
        colours = torch.einsum("dc,bchw->bdhw", matrix, as_float64(part) - _as_map(mean))
        rows.copy_((colours + _as_map(target_mean)).clamp_(0, 1))
    return matched


def _match_histograms(style: Tensor, content: Tensor, weights: Tensor | None) -> Tensor:
    """See :func:`impasto.colour.matching.match_histograms`, from counts of fine levels."""
    matched = torch.empty_like(style)
    for channel in range(style.shape[1]):
        counts, _ = _levels_of(style, channel, None)
        there = counts > 0
        ends = transport_ranks(counts[there] / counts.sum())
        shares, sums = _levels_of(content, channel, weights)
        used = shares > 0
        total = shares.sum()
        means = means_of_ranks(*ends, sums[used] / shares[used], shares[used] / total)
        table = torch.zeros_like(counts)
        table[there] = means
        for rows, part in strips(matched, style, max_elements=3 * _STRIP_PIXELS):
            rows[:, channel] = table[_level(part[:, channel])].clamp_(0, 1)
    return matched


def _levels_of(picture: Tensor, channel: int, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """Of every level of a channel: the sum of the weights of its pixels, and of their values."""
    maps = (picture,) if weights is None else (picture, weights)
    sums: list[Tensor] = []
    for rows, *weight in strips(*maps, max_elements=3 * _STRIP_PIXELS):
        values = as_float64(rows[:, channel]).flatten()
        share = as_float64(weight[0]).flatten() if weight else torch.ones_like(values)
        index = _level(values)
        more = [torch.bincount(index, x, LEVELS + 1) for x in (share, share * values)]
        sums = more if not sums else [a.add_(b) for a, b in zip(sums, more, strict=True)]
    return sums[0], sums[1]


def _level(values: Tensor) -> Tensor:
    return (as_float64(values) * LEVELS).round().clamp_(0, LEVELS).long()


def match_lightness_in_strips(style: Tensor, content: Tensor, space: str) -> Tensor:
    """See :func:`impasto.colour.matching.match_lightness`; both pictures (1, 3, H, W)."""
    if _are_small(style, content):
        return match_lightness(style, content, space)
    chosen = get_space(space)

    def lightness(rows: Tensor) -> Tensor:
        return chosen.to(rows)[:, :1]

    mean, variance = moments_in_strips(style, read=lightness)
    target_mean, target_variance = moments_in_strips(content, read=lightness)
    smallest = (MIN_DEVIATION * chosen.white) ** 2
    scale = (target_variance.clamp_min(smallest) / variance.clamp_min(smallest)).sqrt()
    matched = torch.empty_like(style)
    for rows, part in strips(matched, style, max_elements=3 * _STRIP_PIXELS):
        moved = (lightness(part) - float(mean)) * float(scale) + float(target_mean)
        rows.copy_(fit_gamut(F.pad(moved, CHROMA_PADDING), space))
    return matched


def moments_in_strips(
    picture: Tensor, weights: Tensor | None = None, *, read: Read = lambda rows: rows
) -> tuple[Tensor, Tensor]:
    """Mean (C,) and covariance (C, C) of the colours of a picture, in float64.

    Args:
        picture: (1, 3, H, W).
        weights: (1, 1, H, W) ≥ 0, or None.
        read: What is measured.
    """

    def parts() -> Iterator[tuple[Tensor, Tensor]]:
        maps = (picture,) if weights is None else (picture, weights)
        for rows, *weight in strips(*maps, max_elements=3 * _STRIP_PIXELS):
            values = as_float64(read(rows)).flatten(2)[0]
            yield (
                values,
                as_float64(weight[0]).flatten(2)[0] if weight else torch.ones_like(values[:1]),
            )

    total = sum(weight.sum() for _, weight in parts())
    mean = sum((values * weight).sum(1) for values, weight in parts()) / total
    assert isinstance(mean, Tensor)
    covariance = sum(
        (values - mean[:, None]) @ ((values - mean[:, None]) * weight).mT
        for values, weight in parts()
    )
    assert isinstance(covariance, Tensor)
    return mean, covariance / total


def _as_map(vector: Tensor) -> Tensor:
    return vector.view(1, -1, 1, 1)


def _are_small(*pictures: Tensor) -> bool:
    return all(picture.shape[-2] * picture.shape[-1] <= SMALL for picture in pictures)

"""The colours, lightness or chroma of one picture transferred to another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.colour.spaces import CHROMA_PADDING, check_pictures, fit_gamut, get_space
from impasto.errors import OptionError, counted_noun, unknown_name
from impasto.losses.moments import weighted_vectors
from impasto.runtime.devices import as_float64, on_cpu_if_missing

RIDGE = 1e-6
"""Added to the variances before linear matching: a quarter of a level of 8 bits, squared.

It limits how much the rounding noise of a grey or plain picture is amplified into colours.
"""

MIN_DEVIATION = 1e-4
"""Of lightness, as a share of white; below it a picture counts as plain."""

LEVELS = 2**20
"""Of a channel for histogram matching: finer than 16 bits, coarser than rounding."""

_MIN_SHARE = 1e-9  # of a picture: a fifth of a pixel of the largest picture that can be read

Colours = tuple[Tensor, Tensor]
"""Colours (B, N, 3), and the share (B, N, 1) of its picture that each has."""


def match_lightness(style: Tensor, content: Tensor, space: str = "oklab") -> Tensor:
    """A grey picture: the style's lightness, shifted and scaled to the content's.

    Mean and standard deviation become the content's, as in the luminance-only transfer of Gatys et
    al. 2016 (arXiv:1606.05897), except where values beyond black and white are clipped. A style of
    a single lightness becomes the mean of the content's.

    Args:
        style: (B, 3, H, W).
        content: (B, 3, H, W) of any size; either batch may be 1.
        space: Name in :data:`impasto.colour.spaces.SPACES`.
    """
    check_pictures(style, content)
    chosen = get_space(space)
    lightness = _match_moments(chosen.to(style)[:, :1], chosen.to(content)[:, :1], chosen.white)
    return fit_gamut(F.pad(lightness, CHROMA_PADDING), space)


def _match_moments(lightness: Tensor, target: Tensor, white: float) -> Tensor:
    mean, variance = (moment[..., None] for moment in _moments(_colours(lightness)))
    target_mean, target_variance = (moment[..., None] for moment in _moments(_colours(target)))
    smallest = (MIN_DEVIATION * white) ** 2
    scale = (target_variance.clamp_min(smallest) / variance.clamp_min(smallest)).sqrt()
    return (lightness - mean.to(lightness)) * scale.to(lightness) + target_mean.to(lightness)


def keep_chroma(
    painted: Tensor, content: Tensor, space: str = "oklab", *, match: bool = False
) -> Tensor:
    """The lightness of the painted picture with the chroma of the content, by :func:`fit_gamut`.

    Args:
        painted: (B, 3, H, W).
        content: (B, 3, H, W), of the same size.
        space: Name in :data:`impasto.colour.spaces.SPACES`.
        match: Whether the painted lightness gets the content's mean and deviation first.
    """
    check_pictures(painted, content)
    chosen = get_space(space)
    if painted.shape != content.shape:
        shapes = f"{tuple(painted.shape)} and {tuple(content.shape)}"
        raise OptionError(f"Painted picture and content differ, {shapes}: resize one of them.")
    lightness, content_colours = chosen.to(painted)[:, :1], chosen.to(content)
    if match:
        lightness = _match_moments(lightness, content_colours[:, :1], chosen.white)
    return fit_gamut(torch.cat([lightness, content_colours[:, 1:]], dim=1), space)


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

    Computed in float64 and without a gradient.

    Args:
        style: (B, 3, H, W).
        content: (B, 3, H, W) of any size; either batch may be 1.
        method: Name in ``METHODS``.
        style_weights: (B or 1, 1, H, W) ≥ 0, how much each pixel counts; all pixels are recoloured.
        content_weights: The same for the content.
        clip: Whether values outside [0, 1], which the linear methods can give, are clipped.

    Raises:
        OptionError: For an unknown method, or shapes that do not fit.
    """
    check_pictures(style, content)
    if method not in METHODS:
        raise unknown_name("colour matching", method, METHODS)
    batch = max(len(style), len(content))
    with torch.no_grad():
        source = _colours(style.expand(batch, -1, -1, -1), style_weights)
        target = _colours(content.expand(batch, -1, -1, -1), content_weights)
        matched = METHODS[method](source, target).mT.reshape(batch, *style.shape[1:]).to(style)
    return matched.clamp(0, 1) if clip else matched


def cholesky_map(source: Tensor, target: Tensor) -> Tensor:
    """Lc Ls⁻¹ of covariances Σ = L Lᵀ (..., 3, 3): triangular, so the channels' order matters.

    Like all maps here it is an A with A Σs Aᵀ = Σc. From Gatys et al. 2016 (arXiv:1606.05897).
    """
    source_factor, target_factor = torch.linalg.cholesky(source), torch.linalg.cholesky(target)
    mapping: Tensor = torch.linalg.solve_triangular(
        source_factor, target_factor, upper=False, left=False
    )
    return mapping


def pca_map(source: Tensor, target: Tensor) -> Tensor:
    """Σc^½ Σs^-½: colours are whitened along their principal axes (Gatys et al. 2016)."""
    return symmetric_power(target, 0.5) @ symmetric_power(source, -0.5)


def monge_kantorovich_map(source: Tensor, target: Tensor) -> Tensor:
    """Σs^-½ (Σs^½ Σc Σs^½)^½ Σs^-½: colours move as little as possible (Pitié & Kokaram 2007)."""
    root, whitening = symmetric_power(source, 0.5), symmetric_power(source, -0.5)
    return whitening @ symmetric_power(root @ target @ root, 0.5) @ whitening


def symmetric_power(matrix: Tensor, exponent: float, least: float | None = None) -> Tensor:
    """A power of symmetric matrices (..., C, C).

    Args:
        matrix: The matrices.
        exponent: The power.
        least: Eigenvalues below it count as it; by default the smallest number above zero, for
            matrices whose eigenvalues are above zero but for rounding.
    """
    values, vectors = on_cpu_if_missing(torch.linalg.eigh, matrix)
    least = torch.finfo(values.dtype).tiny if least is None else least
    values = values.clamp_min(least) ** exponent
    return torch.einsum("...ij,...j,...kj->...ik", vectors, values, vectors)


def _match_linearly(
    linear_map: Callable[[Tensor, Tensor], Tensor], source: Colours, target: Colours
) -> Tensor:
    ridge = RIDGE * torch.eye(3, dtype=torch.float64, device=source[0].device)
    (mean, covariance), (target_mean, target_covariance) = _moments(source), _moments(target)
    matrix = linear_map(covariance + ridge, target_covariance + ridge)
    return (source[0] - mean) @ matrix.mT + target_mean


def match_histograms(source: Colours, target: Colours) -> Tensor:
    """Each channel by itself: values are replaced by the target's values of the same rank.

    Equal values stay equal: they become the mean of the values of their ranks. So each channel
    reaches the target's mean exactly, and its histogram up to that. Relations between channels are
    ignored: hues can appear that neither picture has. A source with few levels gives large steps,
    one with a narrow noisy range strong noise.
    """
    # Four of (B, 3, N or M); each channel of each picture is matched separately.
    parts = [part.expand_as(pair[0]).mT for pair in (source, target) for part in pair]
    channels = zip(*(part.flatten(0, 1) for part in parts), strict=True)
    return torch.stack([_transport(*channel) for channel in channels]).view(parts[0].shape).mT


def _transport(
    values: Tensor, shares: Tensor, target_values: Tensor, target_shares: Tensor
) -> Tensor:
    """Optimal transport in one dimension: (N,) values → means of (M,) target values by rank."""
    # Equal up to the rounding of resizing, which would otherwise become strong noise.
    levels, index = torch.unique((values * LEVELS).round(), return_inverse=True)
    weights = torch.zeros_like(levels).index_add_(0, index, shares)
    low, high = transport_ranks(weights)
    target_values, order = target_values.sort()
    return means_of_ranks(low, high, target_values, target_shares[order]).take(index)


def transport_ranks(weights: Tensor) -> tuple[Tensor, Tensor]:
    """The first and the last rank, 0 to 1, of levels (L,) with these shares of a picture."""
    # A level of zero weight gets the value at its rank: a mean over a tiny interval of ranks.
    middle, half = weights.cumsum(0) - weights / 2, weights.clamp_min(_MIN_SHARE) / 2
    return (middle - half).clamp(0, 1), (middle + half).clamp(0, 1)


def means_of_ranks(low: Tensor, high: Tensor, values: Tensor, shares: Tensor) -> Tensor:
    """Means over intervals of ranks (L,) of sorted values (M,) with shares that sum to one."""
    steps = torch.stack([shares, shares * values])
    edges, sums = F.pad(steps.cumsum(1), (1, 0)).unbind()

    def integral(rank: Tensor) -> Tensor:
        # Of the sorted values from rank 0: linear within each.
        at = torch.searchsorted(edges, rank, right=True).clamp(1, len(values)) - 1
        return sums.take(at) + (rank - edges.take(at)) * values.take(at)

    return (integral(high) - integral(low)) / (high - low)


LINEAR_MAPS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cholesky": cholesky_map,
    "pca": pca_map,
    "monge-kantorovich": monge_kantorovich_map,
}
"""Linear ways to match colours: (covariance, target covariance) → A with A Σs Aᵀ = Σc."""

METHODS: Mapping[str, Callable[[Colours, Colours], Tensor]] = {
    **{name: partial(_match_linearly, linear_map) for name, linear_map in LINEAR_MAPS.items()},
    "histogram": match_histograms,
}
"""Ways to match colours: (source, target) → the source's colours (B, N, 3), matched."""


def _colours(picture: Tensor, weights: Tensor | None = None) -> Colours:
    picture = as_float64(picture)
    if weights is not None and len(weights) not in (1, len(picture)):
        raise OptionError(
            f"{counted_noun(len(weights), 'weight map')} cannot be of "
            f"{counted_noun(len(picture), 'picture')}: give one for each."
        )
    colours, shares = weighted_vectors(
        picture, None if weights is None else weights.to(picture.device)
    )
    if shares is None:
        shares = torch.full_like(colours[..., :1], 1 / colours.shape[1])
    return colours, shares.expand(len(colours), -1, -1)


def _moments(colours: Colours) -> tuple[Tensor, Tensor]:
    """Mean (B, 1, C) and covariance (B, C, C)."""
    values, shares = colours
    mean = (values * shares).sum(1, keepdim=True)
    centred = values - mean
    return mean, centred.mT @ (centred * shares)

"""Sliced optimal transport: distributions compared along many directions.

Along one direction optimal transport is a sort: the squared Wasserstein-2 distance of two
distributions of numbers is the mean squared difference of their quantile functions. Averaged over
all directions it is zero only for equal distributions, and no kernel has to be chosen: Pitié,
Kokaram & Dahyot 2005, "N-dimensional probability density function transfer"; as a style loss Heitz,
Vanhoey, Chambon & Belcour 2021, "A sliced Wasserstein loss for neural texture synthesis",
arXiv:2006.07229.

Quantiles are not means over positions: those of a picture do not follow from those of its tiles.
Masks work, and so do several styles: the mean of quantile functions is the Wasserstein barycentre
along each direction, a distribution half-way between the styles and not a mixture of both.
"""

from __future__ import annotations

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.losses.moments import Summary, weighted_vectors
from impasto.losses.registry import Statistic
from impasto.runtime.threads import one_thread

QUANTILES = 256
"""Parts of equal weight that the positions are divided into along each direction."""

MIN_DIRECTIONS = 16
"""Features of few channels use as many orthonormal bases as this takes; others use one."""


def sliced_summary(features: Tensor, weights: Tensor | None) -> Summary:
    """The quantile functions of the projected features: (B, directions, ``QUANTILES``).

    How this differs from Heitz et al., and why:

    * The directions are fixed, not redrawn at every step: a line search needs a loss that is the
      same when it is evaluated twice, and a style is summarized only once. One basis is nearly
      enough: with it a picture came 92 to 99 % (of W₂², by layer) of the way along other directions
      too; with four, or a new one at every step, 94 to 99 %.
    * They are orthonormal bases, not independent: Σ (dᵀf)² over a basis is ‖f‖² exactly.
    * Sorted projections are reduced to quantiles, so that pictures of different sizes and regions
      of any shape can be compared.

    Args:
        features: (B, C, H, W).
        weights: (B, 1, H, W) ≥ 0, or None.
    """
    vectors, shares = weighted_vectors(features, weights)
    directions = random_directions(vectors.shape[-1], vectors.dtype, vectors.device)
    projections = directions.mT @ vectors.mT  # (B, directions, H·W), the sorted axis contiguous
    # The mean over the bases: the sum over all directions of (dᵀf)² stays ‖f‖².
    scale = math.sqrt(directions.shape[0] / directions.shape[1])
    return {"quantiles": scale * quantiles(projections, None if shares is None else shares.mT)}


def sliced_distance(summary: Summary, target: Summary) -> Tensor:
    """C · mean of W₂² over directions, each the mean squared difference of quantiles: (B,).

    With the factor C it is ‖μ − μ′‖² for distributions that differ by a shift, the squared W₂ for
    Gaussians N(μ, a²I) and N(μ′, b²I), at most the squared W₂ for any others, and E‖f‖² from
    all-zero features; all except for the spread within each of the ``QUANTILES`` parts.
    """
    return (summary["quantiles"] - target["quantiles"]).square().mean(-1).sum(-1)


def quantiles(values: Tensor, shares: Tensor | None, count: int = QUANTILES) -> Tensor:
    """The quantile function of numbers, as its means over ``count`` equal parts of (0, 1).

    With means instead of values at points, every number has a gradient, a number of double weight
    equals two equal numbers, and the mean of the quantiles is the mean of the numbers. Where a part
    ends within a number's share, that number is divided in proportion. So n numbers of equal
    share, n a divisor of ``count``, are each repeated count/n times, and nothing is lost.

    Args:
        values: (B, D, n).
        shares: (1 or B, 1, n), ≥ 0, with sum 1; None for equal ones.
        count: Number of parts.

    Returns:
        (B, D, count), ascending; differentiable in the values wherever no two are equal. A number
        whose share is zero has a zero gradient.
    """
    number = values.shape[-1]
    if shares is not None:  # a single map may have several masks
        values = values.expand(max(len(values), len(shares)), -1, -1)
    ordered, order = values.sort(-1)
    if shares is None:
        weights = ordered.new_full((1, 1, number), 1 / number)
    else:
        weights = shares.expand_as(ordered).gather(-1, order)
    # The integral of the quantile function, Σ weight · value, is piecewise linear in the cumulated
    # weight. Its differences between the ends of the parts are the integrals over the parts.
    cumulated = F.pad(weights.cumsum(-1), (1, 0))
    integral = F.pad((weights * ordered).cumsum(-1), (1, 0))
    grid = torch.linspace(0, 1, count + 1, dtype=values.dtype, device=values.device)
    ends = grid * cumulated[..., -1:]  # not quite 1, by rounding
    # The number that each end falls on: the first that reaches it, so never one of zero share.
    index = torch.searchsorted(cumulated[..., 1:].detach().contiguous(), ends.detach())
    index = index.clamp_max(number - 1).expand(*ordered.shape[:-1], -1)
    rest = ends - cumulated.expand(*ordered.shape[:-1], -1).gather(-1, index)
    return count * (integral.gather(-1, index) + rest * ordered.gather(-1, index)).diff(dim=-1)


@functools.lru_cache(maxsize=64)
def random_directions(
    channels: int, dtype: torch.dtype, device: torch.device, seed: int = 0
) -> Tensor:
    """Random orthonormal bases side by side, (channels, directions): always the same numbers.

    Args:
        channels: Of the features; the directions are a multiple of it, ≥ ``MIN_DIRECTIONS``.
        dtype: Of the result; the numbers are drawn in float64.
        device: Of the result.
        seed: Of the random numbers.
    """
    # The cached tensor must be usable in autograd even if the first call is in inference mode.
    with torch.inference_mode(False):
        generator = torch.Generator().manual_seed(seed)
        bases = math.ceil(MIN_DIRECTIONS / channels)
        draw = torch.randn(bases, channels, channels, generator=generator, dtype=torch.float64)
        with one_thread():
            basis, triangle = torch.linalg.qr(draw)
        # With these signs the bases are uniform among all (Mezzadri 2007, arXiv:math-ph/0609050).
        basis = basis * triangle.diagonal(dim1=-2, dim2=-1).sign()[:, None, :]
        directions: Tensor = basis.transpose(0, 1).flatten(1)
        return directions.to(dtype).to(device)


SLICED = Statistic(
    sliced_summary,
    sliced_distance,
    "the whole distribution (Wasserstein-2 distances along random directions)",
    "Heitz et al. 2021, arXiv:2006.07229; Pitié et al. 2005",
    is_mean=False,
)

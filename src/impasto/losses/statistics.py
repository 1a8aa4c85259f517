"""Style statistics: summaries of feature vectors, and distances between such summaries.

Almost every style statistic of the field is the mean over positions of some φ(f), compared by some
distance. So a statistic is two pure functions and one line in ``STATISTICS``:

* ``summary(features, weights)``: usually the mean of φ under a weight map;
* ``distance(summary, target)``: a number per picture, zero if and only if the summaries agree.

Because a summary is a mean, :func:`mix` serves four purposes: several styles are a convex
combination of their summaries, a mask is a weight map, tiles are combined by their weights, and a
batch over machines is a mean over machines. A summary that is not a mean (``Statistic.is_mean``),
such as sorted projections, can be weighted and mixed too, but tiles do not combine to the whole.

The table is in :mod:`impasto.losses.registry`, which tells how to add a statistic.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from impasto.errors import OptionError, counted_noun, unknown_name
from impasto.losses.bures import bures
from impasto.losses.moments import Summary as Summary
from impasto.losses.moments import gram_matrix as gram_matrix
from impasto.losses.moments import mean_and_gram, mean_square, mean_vector, squared_norm
from impasto.losses.registry import STATISTICS as STATISTICS
from impasto.losses.registry import Statistic as Statistic
from impasto.losses.registry import get_statistic as get_statistic
from impasto.losses.registry import register_statistic as register_statistic


def _gram_summary(features: Tensor, weights: Tensor | None) -> Summary:
    return {"gram": gram_matrix(features, weights)}


def _gram_from_moments(summary: Summary) -> Summary:
    return {"gram": summary["gram"]}


def _gram_distance(summary: Summary, target: Summary) -> Tensor:
    return squared_norm(summary["gram"] - target["gram"])


def _moments_summary(features: Tensor, weights: Tensor | None) -> Summary:
    return {"mean": mean_vector(features, weights), "square": mean_square(features, weights)}


def _moments_from_moments(summary: Summary) -> Summary:
    return {"mean": summary["mean"], "square": summary["gram"].diagonal(dim1=-2, dim2=-1)}


def _moments_distance(summary: Summary, target: Summary) -> Tensor:
    means = squared_norm(summary["mean"] - target["mean"])
    return means + squared_norm(_deviation(summary) - _deviation(target))


def _deviation(summary: Summary) -> Tensor:
    """Standard deviation from the first two moments, with a finite gradient at zero."""
    variance = summary["square"] - summary["mean"].square()
    return (variance.clamp_min(0) + 1e-8).sqrt() - 1e-4


RIDGE = 1e-3
"""Added to both covariances' diagonals, as a share of the target's mean variance.

It keeps the gradient of the square root bounded where a channel is zero everywhere. It is relative,
so that scaling the features scales the distance.
"""


def _gaussian_distance(summary: Summary, target: Summary) -> Tensor:
    covariance, target_covariance = _covariance(summary), _covariance(target)
    variance = target_covariance.diagonal(dim1=-2, dim2=-1).mean(-1)
    smallest = torch.finfo(variance.dtype).tiny ** 0.5
    ridge = (RIDGE * variance + smallest)[:, None, None] * torch.eye(
        target_covariance.shape[-1], dtype=variance.dtype, device=variance.device
    )
    means = squared_norm(summary["mean"] - target["mean"])
    return means + bures(covariance + ridge, target_covariance + ridge).clamp_min(0)


def _covariance(summary: Summary) -> Tensor:
    mean = summary["mean"]
    return summary["gram"] - mean[:, :, None] * mean[:, None, :]


GRAM = Statistic(
    _gram_summary,
    _gram_distance,
    "Gram matrices: which features occur together",
    "Gatys, Ecker & Bethge 2016, CVPR",
    from_moments=_gram_from_moments,
)

MOMENTS = Statistic(
    _moments_summary,
    _moments_distance,
    "mean and standard deviation of each channel (BN statistics)",
    "Li et al. 2017, arXiv:1701.01036; Huang & Belongie 2017, arXiv:1703.06868",
    from_moments=_moments_from_moments,
)

GAUSSIAN_OT = Statistic(
    mean_and_gram,
    _gaussian_distance,
    "Wasserstein-2 distance of Gaussians with the features' mean and covariance",
    "Dowson & Landau 1982; Mroueh 2020, arXiv:1905.12828",
    from_moments=dict,
)


def check_summary(summary: object) -> None:
    """Check what a statistic of the caller's returns.

    Raises:
        OptionError: If it is not a dict of tensors.
    """
    if not isinstance(summary, Mapping) or not all(isinstance(v, Tensor) for v in summary.values()):
        raise OptionError(
            "The summary of a statistic is a dict of tensors (B, …), its means by name, not "
            f"{type(summary).__name__}.",
            got=summary,
        )


def relative_shares(weights: Sequence[float], count: int) -> list[float]:
    """The weights of a mixture of ``count`` styles, scaled to sum to one.

    Raises:
        OptionError: For negative, infinite, missing or all-zero weights.
    """
    total = sum(weights)
    valid = all(weight >= 0 for weight in weights) and 0 < total < math.inf
    if len(weights) != count or not valid:
        raise OptionError(
            f"A mixture of {counted_noun(count, 'style')} needs {counted_noun(count, 'weight')} "
            f"that are finite, not negative and not all zero, not {list(weights)}."
        )
    return [weight / total for weight in weights]


def mix(summaries: Sequence[Summary], weights: Sequence[float]) -> Summary:
    """The summary of a mixture: of styles by their shares, or of tiles by their total weights.

    For means this is the mean over all positions. For the quantiles of sliced optimal transport it
    is the Wasserstein barycentre along each direction: valid for styles, not for tiles.

    Args:
        summaries: Of the same statistic and layer.
        weights: ≥ 0, not all zero; scaled to sum to one.

    Raises:
        OptionError: For negative, infinite, missing or all-zero weights.
    """
    for summary in summaries:
        check_summary(summary)
    shares = relative_shares(weights, len(summaries))
    return {
        key: sum(
            (share * summary[key] for share, summary in zip(shares, summaries, strict=True)),
            torch.zeros_like(summaries[0][key]),
        )
        for key in summaries[0]
    }


def energy(statistic: Statistic, target: Summary) -> Tensor:
    """The distance between a target and an all-zero summary, (B,): the unit of relative losses.

    ‖G‖² for Gram matrices, ‖μ‖² + ‖σ‖² for moments, E‖f‖² for optimal transport, sliced or not,
    and E k(y, y′) for MMD, without the part of k that is constant.
    """
    zeros = {key: torch.zeros_like(value) for key, value in target.items()}
    return statistic.distance(zeros, target)


STYLE_NORMALIZATIONS = ("relative", "gatys", "mean")


def style_unit(statistic: Statistic, target: Summary, normalization: str = "relative") -> Tensor:
    """The distance that counts as a loss of one, (B,); it depends on the target alone.

    Args:
        statistic: Of the target.
        target: Of the style.
        normalization: ``"relative"``: the target's energy, so that weights mean the same at every
            size, layer, encoder and statistic (0: same style, about 1: unrelated). ``"gatys"``:
            ¼ Σ (G − A)² / (N² M²) of Gatys et al. 2015 (arXiv:1508.06576, eq. 4), with G summed
            over the M positions of each picture; that is ¼ ‖·‖² / N² of the means used here.
            ``"mean"``: the mean over the numbers of the summary, as in common practice
            (``mse_loss(gram / (h * w), …)``).

    Raises:
        OptionError: For an unknown normalization.
    """
    first = next(iter(target.values()))
    if normalization == "relative":
        return energy(statistic, target).clamp_min(torch.finfo(first.dtype).tiny)
    if normalization == "gatys":
        return first.new_full((len(first),), 4.0 * first.shape[-1] ** 2)
    if normalization == "mean":
        numbers = sum(value[0].numel() for value in target.values())
        return first.new_full((len(first),), float(numbers))
    raise unknown_name("style normalization", normalization, STYLE_NORMALIZATIONS)


def style_loss(
    statistic: Statistic, summary: Summary, target: Summary, normalization: str = "relative"
) -> Tensor:
    """The style loss of one layer, (B,): the distance in units of :func:`style_unit`."""
    return statistic.distance(summary, target) / style_unit(statistic, target, normalization)


def style_error(name: str | Statistic, features: Tensor, target: Tensor) -> Tensor:
    """The relative style loss between two feature maps, (B,).

    Args:
        name: Of the statistic, or the statistic.
        features: (B, C, H, W).
        target: (B, C, H', W').
    """
    statistic = get_statistic(name)
    summary, target_summary = (statistic.summary(each, None) for each in (features, target))
    return style_loss(statistic, summary, target_summary)

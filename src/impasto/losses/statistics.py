"""What a style is: means of functions of the feature vector, and distances between such means.

Almost every style statistic of the field is the mean over positions of some φ(f), compared by some
distance. So a statistic is two pure functions and one line in ``STATISTICS``:

* ``summary(features, weights)``: as a rule the mean of φ under a weight map;
* ``distance(summary, target)``: a number per picture, zero if and only if the summaries agree.

Because a summary is a mean, ``mix`` does four jobs with one line of arithmetic: several styles are
a convex mix of their summaries, a mask is a weight map, tiles are mixed by their mass, and a batch
over machines is a mix over machines. A summary that is no mean (``Statistic.is_mean``), such as
sorted projections, can be weighted and mixed as well, but a mix of tiles is not the whole.

To add a statistic, write the two functions and their line in the table; masks, mixtures, tiles, the
command line's ``--style-loss`` and the generic tests take it from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.errors import OptionError, unknown_name
from impasto.losses import mmd, sliced
from impasto.losses.bures import bures
from impasto.losses.moments import Summary as Summary
from impasto.losses.moments import gram_matrix as gram_matrix
from impasto.losses.moments import mean_and_gram, mean_square, mean_vector, squared_norm


@dataclass(frozen=True)
class Statistic:
    """A style statistic.

    Attributes:
        summary: (features (B, C, H, W), weights (B, 1, H, W) ≥ 0 or None) → means.
        distance: (summary, target summary) → (B,), ≥ 0.
        about: One line for people.
        source: The paper.
        is_mean: Whether the summary is a mean over positions, so that tiles mix to the whole
            exactly, and a mix of styles is the summary of a picture with some of each.
        of_moments: The summary that follows from the ``mean`` and ``gram`` of
            :func:`impasto.losses.moments.mean_and_gram`; None where none does, or more simply.
    """

    summary: Callable[[Tensor, Tensor | None], Summary]
    distance: Callable[[Summary, Summary], Tensor]
    about: str
    source: str
    is_mean: bool = True
    of_moments: Callable[[Summary], Summary] | None = None


def _gram_summary(features: Tensor, weights: Tensor | None) -> Summary:
    return {"gram": gram_matrix(features, weights)}


def _gram_of_moments(summary: Summary) -> Summary:
    return {"gram": summary["gram"]}


def _gram_distance(summary: Summary, target: Summary) -> Tensor:
    return squared_norm(summary["gram"] - target["gram"])


def _moments_summary(features: Tensor, weights: Tensor | None) -> Summary:
    return {"mean": mean_vector(features, weights), "square": mean_square(features, weights)}


def _moments_of_moments(summary: Summary) -> Summary:
    return {"mean": summary["mean"], "square": summary["gram"].diagonal(dim1=-2, dim2=-1)}


def _moments_distance(summary: Summary, target: Summary) -> Tensor:
    means = squared_norm(summary["mean"] - target["mean"])
    return means + squared_norm(_deviation(summary) - _deviation(target))


def _deviation(summary: Summary) -> Tensor:
    """Standard deviation from the first two moments, with a slope that is finite at zero."""
    variance = summary["square"] - summary["mean"].square()
    return (variance.clamp_min(0) + 1e-8).sqrt() - 1e-4


def _gaussian_distance(summary: Summary, target: Summary) -> Tensor:
    # A thousandth of the target's mean variance on both diagonals keeps the root's slope bounded
    # where a channel is silent; relative, so that scaling the features scales the distance.
    covariances = [_covariance(summary), _covariance(target)]
    variance = covariances[1].diagonal(dim1=-2, dim2=-1).mean(-1)
    smallest = torch.finfo(variance.dtype).tiny ** 0.5
    ridge = (RIDGE * variance + smallest)[:, None, None] * torch.eye(
        covariances[1].shape[-1], dtype=variance.dtype, device=variance.device
    )
    means = squared_norm(summary["mean"] - target["mean"])
    return means + bures(covariances[0] + ridge, covariances[1] + ridge).clamp_min(0)


RIDGE = 1e-3


def _covariance(summary: Summary) -> Tensor:
    mean = summary["mean"]
    return summary["gram"] - mean[:, :, None] * mean[:, None, :]


STATISTICS: Mapping[str, Statistic] = {
    "gram": Statistic(
        _gram_summary,
        _gram_distance,
        "Gram matrices: which features occur together",
        "Gatys, Ecker & Bethge 2016, CVPR",
        of_moments=_gram_of_moments,
    ),
    "moments": Statistic(
        _moments_summary,
        _moments_distance,
        "mean and standard deviation of each channel (BN statistics)",
        "Li et al. 2017, arXiv:1701.01036; Huang & Belongie 2017, arXiv:1703.06868",
        of_moments=_moments_of_moments,
    ),
    "gaussian-ot": Statistic(
        mean_and_gram,
        _gaussian_distance,
        "Wasserstein-2 distance of Gaussians with the features' mean and covariance",
        "Dowson & Landau 1982; Mroueh 2020, arXiv:1905.12828",
        of_moments=dict,
    ),
    "mmd-linear": Statistic(
        mmd.linear_summary,
        mmd.linear_distance,
        "mean of each channel (MMD with the linear kernel)",
        "Li et al. 2017, arXiv:1701.01036",
    ),
    "mmd-poly": Statistic(
        mmd.poly_summary,
        mmd.poly_distance,
        "Gram matrix and mean (MMD with a quadratic kernel)",
        "Li et al. 2017, arXiv:1701.01036",
        of_moments=dict,
    ),
    "mmd-rbf": Statistic(
        mmd.rbf_summary,
        mmd.rbf_distance,
        "the whole distribution (MMD with Gaussian kernels, by random Fourier features)",
        "Li et al. 2017, arXiv:1701.01036; Rahimi & Recht 2007",
    ),
    "sliced": Statistic(
        sliced.sliced_summary,
        sliced.sliced_distance,
        "the whole distribution (Wasserstein-2 distances along random directions)",
        "Heitz et al. 2021, arXiv:2006.07229; Pitié et al. 2005",
        is_mean=False,
    ),
}


def get_statistic(name: str) -> Statistic:
    """The statistic of that name; an error that lists all for a wrong one."""
    if name not in STATISTICS:
        raise unknown_name("style statistic", name, STATISTICS)
    return STATISTICS[name]


def mix(summaries: Sequence[Summary], weights: Sequence[float]) -> Summary:
    """The summary of a mixture: of styles by their shares, or of tiles by their mass.

    Of means it is the mean over all. Of the quantiles of sliced optimal transport it is the
    Wasserstein barycentre along each direction: sound for styles, not for tiles.

    Args:
        summaries: Of the same statistic and layer.
        weights: ≥ 0, not all zero; scaled to sum to one.

    Raises:
        OptionError: For negative, infinite, missing or all-zero weights.
    """
    total = sum(weights)
    sound = all(weight >= 0 for weight in weights) and 0 < total < math.inf
    if len(summaries) != len(weights) or not sound:
        raise OptionError(
            f"A mixture of {len(summaries)} styles needs as many weights, finite, none negative "
            f"and not all zero; got {list(weights)}."
        )
    shares = [weight / total for weight in weights]
    return {
        key: sum(
            (share * summary[key] for share, summary in zip(shares, summaries, strict=True)),
            torch.zeros_like(summaries[0][key]),
        )
        for key in summaries[0]
    }


def energy(statistic: Statistic, target: Summary) -> Tensor:
    """The distance of a target from nothing, (B,): the unit that relative distances are told in.

    ‖G‖² for Gram matrices, ‖μ‖² + ‖σ‖² for moments, E‖f‖² for optimal transport, sliced or not,
    E k(y, y′) for MMD, less what k gives a constant.
    """
    nothing = {key: torch.zeros_like(value) for key, value in target.items()}
    return statistic.distance(nothing, target)


STYLE_NORMALIZATIONS = ("relative", "gatys", "mean")


def style_unit(statistic: Statistic, target: Summary, normalization: str = "relative") -> Tensor:
    """The distance that counts as a loss of one, (B,); it depends on the target alone.

    Args:
        statistic: One of ``STATISTICS``.
        target: Of the style.
        normalization: ``"relative"``: the target's energy, so that weights mean the same at every
            size, layer, encoder and statistic (0: same style, about 1: unrelated). ``"gatys"``:
            ¼ Σ (G − A)² / (N² M²) of Gatys et al. 2015 (arXiv:1508.06576, eq. 4), with G summed
            over the M positions of each picture; that is ¼ ‖·‖² / N² of the means used here.
            ``"mean"``: mean over the numbers of the summary, as in common practice
            (``mse_loss(gram / (h * w), …)``).

    Raises:
        OptionError: For another normalization.
    """
    some = next(iter(target.values()))
    if normalization == "relative":
        return energy(statistic, target).clamp_min(torch.finfo(some.dtype).tiny)
    if normalization == "gatys":
        return some.new_full((len(some),), 4.0 * some.shape[-1] ** 2)
    if normalization == "mean":
        numbers = sum(value[0].numel() for value in target.values())
        return some.new_full((len(some),), float(numbers))
    raise unknown_name("style normalization", normalization, STYLE_NORMALIZATIONS)


def style_loss(
    statistic: Statistic, summary: Summary, target: Summary, normalization: str = "relative"
) -> Tensor:
    """The style loss of one layer, (B,): the distance in units of :func:`style_unit`."""
    return statistic.distance(summary, target) / style_unit(statistic, target, normalization)


def style_error(name: str, features: Tensor, target: Tensor) -> Tensor:
    """How far two feature maps are apart in a statistic, (B,), in units of the target's energy.

    Args:
        name: Of the statistic.
        features: (B, C, H, W).
        target: (B, C, H', W').
    """
    statistic = get_statistic(name)
    summary, wanted = (statistic.summary(each, None) for each in (features, target))
    return style_loss(statistic, summary, wanted)

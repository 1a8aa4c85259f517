"""What a style is: means of functions of the feature vector, and distances between such means.

Almost every style statistic of the field is the mean over positions of some φ(f), compared by some
distance. So a statistic is two pure functions and one line in ``STATISTICS``:

* ``summary(features, weights)``: the mean of φ under a weight map;
* ``distance(summary, target)``: a number per picture, zero if and only if the summaries agree.

Because a summary is a mean, ``mix`` does four jobs with one line of arithmetic: several styles are
a convex mix of their summaries, a mask is a weight map, tiles are mixed by their mass, and a batch
over machines is a mix over machines.

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
from impasto.losses.matrices import bures

Summary = dict[str, Tensor]
"""Means by name, each with the batch as its first dimension."""


@dataclass(frozen=True)
class Statistic:
    """A style statistic.

    Attributes:
        summary: (features (B, C, H, W), weights (B, 1, H, W) ≥ 0 or None) → means.
        distance: (summary, target summary) → (B,), ≥ 0.
        about: One line for people.
        source: The paper.
    """

    summary: Callable[[Tensor, Tensor | None], Summary]
    distance: Callable[[Summary, Summary], Tensor]
    about: str
    source: str


def positions(features: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """A map as a list of vectors, and each vector's share of the whole.

    Args:
        features: (B, C, H, W), any floating type; half precision is summed in float32.
        weights: (B, 1, H, W) ≥ 0, or None for equal shares.

    Returns:
        Vectors (B, H·W, C); shares (B, H·W, 1) that sum to one, or None.

    Raises:
        OptionError: If the weights have another size than the features, or are zero everywhere.
    """
    if features.dtype in (torch.bfloat16, torch.float16):
        features = features.float()
    # Channels last: a view of the encoders' own layout, where flatten(2) would be a copy.
    vectors = features.permute(0, 2, 3, 1).flatten(1, 2)
    if weights is None:
        return vectors, None
    if weights.shape[1:] != (1, *features.shape[-2:]):
        raise OptionError(
            f"A weight map of shape {tuple(weights.shape)} does not fit features of "
            f"{tuple(features.shape)}: one of (B, 1, H, W) is needed."
        )
    flat = weights.to(vectors.dtype).permute(0, 2, 3, 1).flatten(1, 2)
    mass = flat.sum(1, keepdim=True)
    if not (mass > 0).all():
        raise OptionError("A weight map is zero everywhere: its region is empty.")
    return vectors, flat / mass


def mean_vector(features: Tensor, weights: Tensor | None) -> Tensor:
    """E[f]: (B, C)."""
    vectors, shares = positions(features, weights)
    return vectors.mean(1) if shares is None else (vectors * shares).sum(1)


def mean_square(features: Tensor, weights: Tensor | None) -> Tensor:
    """E[f²], channel by channel: (B, C)."""
    vectors, shares = positions(features, weights)
    squares = vectors.square()
    return squares.mean(1) if shares is None else (squares * shares).sum(1)


def gram_matrix(features: Tensor, weights: Tensor | None) -> Tensor:
    """E[f fᵀ], the Gram matrix over the number of positions: (B, C, C)."""
    vectors, shares = positions(features, weights)
    if shares is None:
        return vectors.mT @ vectors / vectors.shape[1]
    return vectors.mT @ (vectors * shares)


def _gram_summary(features: Tensor, weights: Tensor | None) -> Summary:
    return {"gram": gram_matrix(features, weights)}


def _gram_distance(summary: Summary, target: Summary) -> Tensor:
    return _squared_norm(summary["gram"] - target["gram"])


def _moments_summary(features: Tensor, weights: Tensor | None) -> Summary:
    return {"mean": mean_vector(features, weights), "square": mean_square(features, weights)}


def _moments_distance(summary: Summary, target: Summary) -> Tensor:
    means = _squared_norm(summary["mean"] - target["mean"])
    return means + _squared_norm(_deviation(summary) - _deviation(target))


def _deviation(summary: Summary) -> Tensor:
    """Standard deviation from the first two moments, with a slope that is finite at zero."""
    variance = summary["square"] - summary["mean"].square()
    return (variance.clamp_min(0) + 1e-8).sqrt() - 1e-4


def _gaussian_summary(features: Tensor, weights: Tensor | None) -> Summary:
    return {"mean": mean_vector(features, weights), "gram": gram_matrix(features, weights)}


def _gaussian_distance(summary: Summary, target: Summary) -> Tensor:
    # A thousandth of the target's mean variance on both diagonals keeps the root's slope bounded
    # where a channel is silent; relative, so that scaling the features scales the distance.
    covariances = [_covariance(summary), _covariance(target)]
    variance = covariances[1].diagonal(dim1=-2, dim2=-1).mean(-1)
    smallest = torch.finfo(variance.dtype).tiny ** 0.5
    ridge = (RIDGE * variance + smallest)[:, None, None] * torch.eye(
        covariances[1].shape[-1], dtype=variance.dtype, device=variance.device
    )
    means = _squared_norm(summary["mean"] - target["mean"])
    return means + bures(covariances[0] + ridge, covariances[1] + ridge).clamp_min(0)


RIDGE = 1e-3


def _covariance(summary: Summary) -> Tensor:
    mean = summary["mean"]
    return summary["gram"] - mean[:, :, None] * mean[:, None, :]


def _squared_norm(difference: Tensor) -> Tensor:
    return difference.square().flatten(1).sum(1)


STATISTICS: Mapping[str, Statistic] = {
    "gram": Statistic(
        _gram_summary,
        _gram_distance,
        "Gram matrices: which features occur together",
        "Gatys, Ecker & Bethge 2016, CVPR",
    ),
    "moments": Statistic(
        _moments_summary,
        _moments_distance,
        "mean and standard deviation of each channel (BN statistics)",
        "Li et al. 2017, arXiv:1701.01036; Huang & Belongie 2017, arXiv:1703.06868",
    ),
    "gaussian-ot": Statistic(
        _gaussian_summary,
        _gaussian_distance,
        "Wasserstein-2 distance of Gaussians with the features' mean and covariance",
        "Dowson & Landau 1982; Mroueh 2020, arXiv:1905.12828",
    ),
}


def get_statistic(name: str) -> Statistic:
    """The statistic of that name; an error that lists all for a wrong one."""
    if name not in STATISTICS:
        raise unknown_name("style statistic", name, STATISTICS)
    return STATISTICS[name]


def mix(summaries: Sequence[Summary], weights: Sequence[float]) -> Summary:
    """The summary of a mixture: of styles by their shares, or of tiles by their mass.

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

    ‖G‖² for Gram matrices, ‖μ‖² + ‖σ‖² for moments, E‖f‖² for optimal transport.
    """
    nothing = {key: torch.zeros_like(value) for key, value in target.items()}
    return statistic.distance(nothing, target)


STYLE_NORMALISATIONS = ("relative", "gatys", "mean")


def style_unit(statistic: Statistic, target: Summary, normalisation: str = "relative") -> Tensor:
    """The distance that counts as a loss of one, (B,); it depends on the target alone.

    Args:
        statistic: One of ``STATISTICS``.
        target: Of the style.
        normalisation: ``"relative"``: the target's energy, so that weights mean the same at every
            size, layer, encoder and statistic (0: same style, about 1: unrelated). ``"gatys"``:
            ¼ Σ (G − A)² / (N² M²) of Gatys et al. 2015 (arXiv:1508.06576, eq. 4), with G summed
            over the M positions of each picture; that is ¼ ‖·‖² / N² of the means used here.
            ``"mean"``: mean over the numbers of the summary, as in common practice
            (``mse_loss(gram / (h * w), …)``).

    Raises:
        OptionError: For another normalisation.
    """
    some = next(iter(target.values()))
    if normalisation == "relative":
        return energy(statistic, target).clamp_min(torch.finfo(some.dtype).tiny)
    if normalisation == "gatys":
        return some.new_full((len(some),), 4.0 * some.shape[-1] ** 2)
    if normalisation == "mean":
        numbers = sum(value[0].numel() for value in target.values())
        return some.new_full((len(some),), float(numbers))
    raise unknown_name("style normalisation", normalisation, STYLE_NORMALISATIONS)


def style_loss(
    statistic: Statistic, summary: Summary, target: Summary, normalisation: str = "relative"
) -> Tensor:
    """The style loss of one layer, (B,): the distance in units of :func:`style_unit`."""
    return statistic.distance(summary, target) / style_unit(statistic, target, normalisation)

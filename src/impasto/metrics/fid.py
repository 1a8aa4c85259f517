"""Figures of a whole set of results, which no single picture has: FID and ArtFID."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from impasto.errors import InputDataError

ART_INCEPTION = "art-inception"
"""The weight by which sets are seen: Inception-v3 trained on art."""

LEAST = 2
"""Pictures a set must have: fewer have no covariance."""


@dataclass(frozen=True)
class SetMetric:
    """A figure of all results of a method.

    Attributes:
        function: (FID of the results and their styles, mean of ``mean_of``) → the figure.
        better: Which figures are better.
        about: One line for people.
        source: The paper.
        weights: Names of the weights that it needs, besides those of ``mean_of``.
        mean_of: The metric of pictures whose mean it takes, if any.
    """

    function: Callable[[float, float], float]
    better: Literal["lower", "higher"]
    about: str
    source: str
    weights: tuple[str, ...] = (ART_INCEPTION,)
    mean_of: str = ""


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """‖μ − μ′‖² + tr(Σ + Σ′ − 2 (Σ Σ′)^½) of two sets of feature vectors, in float64.

    Dowson & Landau 1982; as FID: Heusel et al. 2017, arXiv:1706.08500. The covariances are those
    of samples (over n − 1). With Σ = A Aᵀ and Σ′ = B Bᵀ the last trace is the sum of the singular
    values of Aᵀ B, so no root of the product is taken, which is singular whenever there are fewer
    pictures than features.

    Args:
        first: (n, D).
        second: (m, D).

    Returns:
        At least 0, but for rounding, and 0 for the same set.

    Raises:
        InputDataError: For a set of fewer than ``LEAST`` vectors.
    """
    for count in (len(first), len(second)):
        if count < LEAST:
            raise InputDataError(
                f"A Fréchet distance is between sets of at least {LEAST} pictures, not {count}."
            )
    (mean, factor), (other_mean, other_factor) = _moments(first), _moments(second)
    traces = factor.square().sum() + other_factor.square().sum()
    common = torch.linalg.svdvals(factor @ other_factor.mT).sum()
    return float((mean - other_mean).square().sum() + traces - 2 * common)


def art_fid(fid: float, lpips: float) -> float:
    """(1 + LPIPS) (1 + FID): Wright & Ommer 2022, arXiv:2207.12280.

    Args:
        fid: Of the results and their styles.
        lpips: The mean over the pairs of result and content.
    """
    return (1 + lpips) * (1 + fid)


def _moments(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """The mean (D,), and a factor F (at most D, D) of the covariance Fᵀ F."""
    values = vectors.double()
    mean = values.mean(0)
    centred = (values - mean) / (len(values) - 1) ** 0.5
    factor = torch.linalg.qr(centred, mode="r").R if len(values) > values.shape[1] else centred
    return mean, factor


SET_METRICS: Mapping[str, SetMetric] = {
    "fid": SetMetric(
        lambda fid, _: fid,
        "lower",
        "Fréchet distance of the Inception features, trained on art, of results and styles",
        "Heusel et al. 2017, arXiv:1706.08500; Wright & Ommer 2022, arXiv:2207.12280",
    ),
    "artfid": SetMetric(
        art_fid,
        "lower",
        "(1 + mean of lpips-alexnet) (1 + fid)",
        "Wright & Ommer 2022, arXiv:2207.12280",
        mean_of="lpips-alexnet",
    ),
}
"""What ``impasto evaluate`` tells of each method as a whole."""

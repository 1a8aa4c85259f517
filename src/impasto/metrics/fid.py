"""Metrics of a set of results: FID and ArtFID."""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.errors import InputDataError
from impasto.metrics.registry import SetMetric

MIN_SET_SIZE = 2
"""Fewer pictures have no covariance."""


def frechet_distance(first: Tensor, second: Tensor) -> float:
    """‖μ − μ′‖² + tr(Σ + Σ′ − 2 (Σ Σ′)^½) of two sets of feature vectors, in float64.

    Dowson & Landau 1982; FID: Heusel et al. 2017, arXiv:1706.08500. Covariances divide by n − 1.
    With Σ = A Aᵀ and Σ′ = B Bᵀ, tr (Σ Σ′)^½ is the sum of the singular values of Aᵀ B. So no matrix
    square root is needed of Σ Σ′, which is singular with fewer pictures than features.

    Args:
        first: (n, D).
        second: (m, D).

    Returns:
        ≥ 0 up to rounding; 0 for the same set.

    Raises:
        InputDataError: A set has fewer than ``MIN_SET_SIZE`` vectors.
    """
    for count in (len(first), len(second)):
        if count < MIN_SET_SIZE:
            raise InputDataError(
                f"A Fréchet distance is between sets of at least {MIN_SET_SIZE} pictures, not "
                f"{count}."
            )
    (mean, factor), (other_mean, other_factor) = _moments(first), _moments(second)
    traces = factor.square().sum() + other_factor.square().sum()
    root_trace = torch.linalg.svdvals(factor @ other_factor.mT).sum()
    return float((mean - other_mean).square().sum() + traces - 2 * root_trace)


def art_fid(fid: float, lpips: float) -> float:
    """ArtFID, (1 + LPIPS) (1 + FID): Wright & Ommer 2022, arXiv:2207.12280.

    Args:
        fid: Fréchet distance between results and styles.
        lpips: Mean over the pairs of result and content.
    """
    return (1 + lpips) * (1 + fid)


def _moments(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (D,), and a factor F of the covariance Fᵀ F with at most D rows, (≤D, D)."""
    values = vectors.double()
    mean = values.mean(0)
    centred = (values - mean) / (len(values) - 1) ** 0.5
    factor = torch.linalg.qr(centred, mode="r").R if len(values) > values.shape[1] else centred
    return mean, factor


FID = SetMetric(
    lambda fid, _: fid,
    better="lower",
    about="Fréchet distance of Inception features, trained on art, of results and styles",
    source="Heusel et al. 2017, arXiv:1706.08500; Wright & Ommer 2022, arXiv:2207.12280",
)

ART_FID = SetMetric(
    art_fid,
    better="lower",
    about="(1 + mean of lpips-alexnet) (1 + fid)",
    source="Wright & Ommer 2022, arXiv:2207.12280",
    mean_of="lpips-alexnet",
)

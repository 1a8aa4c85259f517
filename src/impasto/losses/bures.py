"""Square roots of covariance matrices, with gradients that stay finite."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from impasto.runtime.threads import one_thread


class _TraceSqrt(torch.autograd.Function):
    """tr M^½ of symmetric positive semi-definite matrices; the gradient is ½ M^-½.

    ``torch.linalg.eigh``'s own backward divides by differences of eigenvalues, which are zero for
    repeated ones; of the trace of the root it needs none of them.
    """

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        # eigh raises for values that are not finite; an optimizer must be able to undo them.
        finite = matrix.isfinite().flatten(-2).all(-1)
        with one_thread():
            values, vectors = torch.linalg.eigh(torch.where(finite[..., None, None], matrix, 0))
        # An eigenvalue below the rounding error of the largest is noise: so would be its root's
        # slope, which grows without bound towards zero.
        floor = values[..., -1:].abs() * torch.finfo(matrix.dtype).eps * matrix.shape[-1]
        roots = values.clamp_min(0).maximum(floor.clamp_min(torch.finfo(matrix.dtype).tiny)).sqrt()
        ctx.save_for_backward(roots, vectors)
        trace: Tensor = roots.sum(-1).where(finite, torch.nan)
        return trace

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        roots, vectors = ctx.saved_tensors
        inverse = (vectors / roots[..., None, :]) @ vectors.mT
        slope: Tensor = 0.5 * gradient[..., None, None] * inverse
        return slope


def trace_sqrt(matrix: Tensor) -> Tensor:
    """The trace of M^½ for each symmetric positive semi-definite matrix.

    Args:
        matrix: (..., C, C), symmetric, eigenvalues ≥ 0 up to rounding.

    Returns:
        (...), differentiable once.
    """
    root: Tensor = _TraceSqrt.apply(matrix)  # type: ignore[no-untyped-call]
    return root


def bures(covariance: Tensor, target: Tensor) -> Tensor:
    """Squared Bures distance tr(A + B − 2 (B^½ A B^½)^½) of covariance matrices.

    With a factor B = L Lᵀ the middle matrix Lᵀ A L has the same eigenvalues, so no root
    of B is needed (Dowson & Landau 1982; Bhatia et al. 2019, arXiv:1712.01504).

    Args:
        covariance: A, (..., C, C), symmetric positive semi-definite.
        target: B, (..., C, C), symmetric, positive definite up to rounding.

    Returns:
        (...), ≥ 0 up to rounding; differentiable in ``covariance``.
    """
    factor = _factor(target)
    middle = factor.mT @ covariance @ factor
    middle = 0.5 * (middle + middle.mT)
    traces = covariance.diagonal(dim1=-2, dim2=-1).sum(-1) + target.diagonal(dim1=-2, dim2=-1).sum(
        -1
    )
    return traces - 2 * trace_sqrt(middle)


def _factor(matrix: Tensor) -> Tensor:
    """L with L Lᵀ = ``matrix``, or the nearest semi-definite one where rounding left it indefinite.

    Rounding does so to the covariance of a plain colour, E[f fᵀ] − μμᵀ ≈ 0.
    """
    factor: Tensor
    factor, failed = torch.linalg.cholesky_ex(matrix)
    if failed.any():
        values, vectors = torch.linalg.eigh(matrix)
        factor = vectors * values.clamp_min(0).sqrt()[..., None, :]
    return factor

"""The Bures distance of covariance matrices, with gradients that stay finite."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from impasto.runtime.devices import on_cpu_if_missing
from impasto.runtime.threads import one_thread


class _TraceSqrt(torch.autograd.Function):
    """tr M^½ of symmetric positive semi-definite matrices; its gradient is ½ M^-½.

    The backward pass of ``torch.linalg.eigh`` divides by differences of eigenvalues, which are zero
    for repeated ones. The trace of the square root needs no such differences.
    """

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        # eigh raises for values that are not finite, but an optimizer must be able to undo them.
        finite = matrix.isfinite().flatten(-2).all(-1)
        with one_thread():
            values, vectors = on_cpu_if_missing(
                torch.linalg.eigh, torch.where(finite[..., None, None], matrix, 0)
            )
        # Eigenvalues below the rounding error of the largest are noise, and so would be the
        # gradients of their square roots, which grow without bound towards zero.
        floor = values[..., -1:].abs() * torch.finfo(matrix.dtype).eps * matrix.shape[-1]
        roots = values.clamp_min(0).maximum(floor.clamp_min(torch.finfo(matrix.dtype).tiny)).sqrt()
        ctx.save_for_backward(roots, vectors)
        trace: Tensor = roots.sum(-1).where(finite, torch.nan)
        return trace

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> Tensor:
        roots, vectors = ctx.saved_tensors
        inverse_root = (vectors / roots[..., None, :]) @ vectors.mT
        grad_input: Tensor = 0.5 * grad_output[..., None, None] * inverse_root
        return grad_input


def trace_sqrt(matrix: Tensor) -> Tensor:
    """The trace of M^½ for each symmetric positive semi-definite matrix.

    Args:
        matrix: (..., C, C), symmetric, eigenvalues ≥ 0 up to rounding.

    Returns:
        (...), differentiable once; NaN for a matrix with values that are not finite.
    """
    trace: Tensor = _TraceSqrt.apply(matrix)  # type: ignore[no-untyped-call]
    return trace


def bures(covariance: Tensor, target: Tensor) -> Tensor:
    """Squared Bures distance tr(A + B − 2 (B^½ A B^½)^½) of covariance matrices.

    With a factor B = L Lᵀ, the matrix Lᵀ A L has the same eigenvalues as B^½ A B^½, so no square
    root of B is needed (Dowson & Landau 1982; Bhatia et al. 2019, arXiv:1712.01504).

    Args:
        covariance: A, (..., C, C), symmetric positive semi-definite.
        target: B, (..., C, C), symmetric, positive definite up to rounding.

    Returns:
        (...), ≥ 0 up to rounding; differentiable in ``covariance``.
    """
    factor = _factorize(target)
    product = factor.mT @ covariance @ factor
    product = 0.5 * (product + product.mT)
    traces = covariance.diagonal(dim1=-2, dim2=-1).sum(-1) + target.diagonal(dim1=-2, dim2=-1).sum(
        -1
    )
    return traces - 2 * trace_sqrt(product)


def _factorize(matrix: Tensor) -> Tensor:
    """L with L Lᵀ = ``matrix``, or the nearest semi-definite matrix if rounding made it indefinite.

    This happens to the covariance of a plain colour, E[f fᵀ] − μμᵀ ≈ 0.
    """
    factor: Tensor
    factor, failed = on_cpu_if_missing(torch.linalg.cholesky_ex, matrix)
    if failed.any():
        values, vectors = on_cpu_if_missing(torch.linalg.eigh, matrix)
        factor = vectors * values.clamp_min(0).sqrt()[..., None, :]
    return factor

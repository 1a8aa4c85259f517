"""The Bures distance of covariance matrices, with gradients that stay finite."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from impasto.runtime.devices import on_cpu_if_missing
from impasto.runtime.threads import one_thread


class _TraceSqrt(torch.autograd.Function):
    """tr (Lᵀ M L)^½ of symmetric positive semi-definite M; its gradient is ½ L (Lᵀ M L)^-½ Lᵀ.

    The backward pass of ``torch.linalg.eigh`` divides by differences of eigenvalues, which are zero
    for repeated ones. The trace of the square root needs no such differences. The gradient is
    computed with the trace, by the same thread: the backward pass only scales it.
    """

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, factor: Tensor | None) -> Tensor:
        # eigh raises for values that are not finite, but an optimizer must be able to undo them.
        finite = matrix.isfinite().flatten(-2).all(-1)
        with one_thread():
            product = torch.where(finite[..., None, None], matrix, 0)
            if factor is not None:
                product = factor.mT @ product @ factor
            values, vectors = on_cpu_if_missing(torch.linalg.eigh, 0.5 * (product + product.mT))
            # Eigenvalues below the rounding error of the largest are noise, and so would be the
            # gradients of their square roots, which grow without bound towards zero.
            floor = values[..., -1:].abs() * torch.finfo(matrix.dtype).eps * matrix.shape[-1]
            floor = floor.clamp_min(torch.finfo(matrix.dtype).tiny)
            roots = values.clamp_min(0).maximum(floor).sqrt()
            if ctx.needs_input_grad[0]:
                scaled = vectors * (0.5 / roots)[..., None, :].sqrt()
                scaled = scaled if factor is None else factor @ scaled
                ctx.save_for_backward(scaled @ scaled.mT)
        trace: Tensor = roots.sum(-1).where(finite, torch.nan)
        return trace

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None]:
        (slope,) = ctx.saved_tensors
        return grad_output[..., None, None] * slope, None


def trace_sqrt(matrix: Tensor, factor: Tensor | None = None) -> Tensor:
    """The trace of (Lᵀ M L)^½ for each symmetric positive semi-definite matrix.

    Args:
        matrix: M, (..., C, C), symmetric, eigenvalues ≥ 0 up to rounding.
        factor: L, (..., C, C), a constant; the identity by default.

    Returns:
        (...), differentiable once in M; NaN for a matrix with values that are not finite.
    """
    if factor is not None:
        shape = torch.broadcast_shapes(matrix.shape, factor.shape)  # type: ignore[no-untyped-call]
        matrix = matrix.expand(shape)
    trace: Tensor = _TraceSqrt.apply(matrix, factor)  # type: ignore[no-untyped-call]
    return trace


def bures(covariance: Tensor, target: Tensor) -> Tensor:
    """Squared Bures distance tr(A + B − 2 (B^½ A B^½)^½) of covariance matrices.

    With a factor B = L Lᵀ, the matrix Lᵀ A L has the same eigenvalues as B^½ A B^½, so no square
    root of B is needed (Dowson & Landau 1982; Bhatia et al. 2019, arXiv:1712.01504).

    Small matrices are left to one thread: two took 90 ms of processor time instead of 1 ms where
    another program used the processor, because threads wait by spinning.

    Args:
        covariance: A, (..., C, C), symmetric positive semi-definite.
        target: B, (..., C, C), symmetric, positive definite up to rounding; a constant.

    Returns:
        (...), ≥ 0 up to rounding; differentiable once in ``covariance``.
    """
    with one_thread():
        factor = _factorize(target.detach())
    return _trace(covariance) + _trace(target) - 2 * trace_sqrt(covariance, factor)


def _trace(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=-2, dim2=-1).sum(-1)


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

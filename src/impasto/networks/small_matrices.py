"""Roots and rotations of 3×3 matrices by sums and products alone, as graphs can hold them.

Both come from one iteration, the scaled Newton method for the polar decomposition X = R H (Higham
1986, "Computing the polar decomposition", algorithm 3.2): X ← (γ X + X⁻ᵀ / γ) / 2 tends to the
rotation R. With γ = |det X|^(-1/3) (Byers & Xu 2008) it takes few steps whatever the condition.
"""

from __future__ import annotations

import torch
from torch import Tensor

_STEPS = 7
"""The result is exact to 1e-10 after 6, for conditions up to 1e4 in float64."""


def symmetric_root(matrix: Tensor, floor: float | Tensor) -> Tensor:
    """The root of ``matrix + floor · I``.

    Args:
        matrix: (B, 3, 3), symmetric and positive but for rounding, float64.
        floor: Above zero, the least eigenvalue of the sum; or one for each matrix, (B).
    """
    # A = L Lᵀ, and the polar decomposition of Lᵀ is R A^½.
    upper = _cholesky(matrix, floor).mT
    root = polar_rotation(upper).mT @ upper
    return (root + root.mT) / 2


def polar_rotation(matrix: Tensor) -> Tensor:
    """The rotation R of ``matrix = R H``, H symmetric and positive.

    Args:
        matrix: (B, 3, 3), regular, float64.
    """
    x, places = matrix.flatten(1), _places(matrix)
    for _ in range(_STEPS):
        cofactors = _cofactors(x, places)
        determinant = _determinant(x, cofactors)
        scale = determinant.abs().pow(-1 / 3)
        x = scale / 2 * x + cofactors / (2 * scale * determinant)
    return x.reshape(-1, 3, 3)


def inverse(matrix: Tensor) -> Tensor:
    """The inverses of regular matrices (B, 3, 3)."""
    x = matrix.flatten(1)
    cofactors = _cofactors(x, _places(matrix))
    return (cofactors / _determinant(x, cofactors)).reshape(-1, 3, 3).mT


def _places(matrix: Tensor) -> tuple[Tensor, ...]:
    """For each entry of a matrix (9), the entry some rows below and columns right, around the edge.

    By (1, 1), (2, 2), (1, 2) and (2, 1).
    """
    entries = torch.arange(9, device=matrix.device).view(3, 3)
    shifts = ((1, 1), (2, 2), (1, 2), (2, 1))
    return tuple(entries.roll((-down, -right), (0, 1)).flatten() for down, right in shifts)


def _cofactors(x: Tensor, places: tuple[Tensor, ...]) -> Tensor:
    """det(X) · X⁻ᵀ of matrices (B, 9), in the same form."""
    x11, x22, x12, x21 = (x.index_select(1, place) for place in places)
    return x11 * x22 - x12 * x21


def _determinant(x: Tensor, cofactors: Tensor) -> Tensor:
    """(B, 1)."""
    return (x[:, :3] * cofactors[:, :3]).sum(1, keepdim=True)


def _cholesky(matrix: Tensor, floor: float | Tensor) -> Tensor:
    """L of ``matrix + floor · I = L Lᵀ``, by pivots that are no less than ``floor``."""
    least = torch.zeros_like(matrix[:, 0, 0]) + floor
    a, b, c = matrix[:, 0, 0] + floor, matrix[:, 1, 0], matrix[:, 2, 0]
    d, e, f = matrix[:, 1, 1] + floor, matrix[:, 2, 1], matrix[:, 2, 2] + floor
    first = torch.maximum(a, least).sqrt()
    b, c = b / first, c / first
    second = torch.maximum(d - b * b, least).sqrt()
    e = (e - b * c) / second
    third = torch.maximum(f - c * c - e * e, least).sqrt()
    zero = torch.zeros_like(first)
    rows = torch.stack([first, zero, zero, b, second, zero, c, e, third], 1)
    return rows.reshape(-1, 3, 3)

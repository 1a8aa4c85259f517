"""Roots and rotations of 3×3 matrices against LAPACK's decompositions."""

from __future__ import annotations

import pytest
import torch

from impasto.networks.small_matrices import inverse, polar_rotation, symmetric_root


def matrices(count: int, condition: float) -> torch.Tensor:
    """Random matrices (count, 3, 3) of positive determinant, singular values 0.3 and below."""
    random = torch.Generator().manual_seed(0)
    u, _, v = torch.linalg.svd(torch.randn(count, 3, 3, generator=random, dtype=torch.float64))
    middle = condition ** -torch.rand(count, generator=random, dtype=torch.float64)
    values = 0.3 * torch.stack([torch.ones(count), middle, torch.full((count,), 1 / condition)], 1)
    made = u @ torch.diag_embed(values) @ v
    return made * torch.linalg.det(made).sign()[:, None, None]


@pytest.mark.parametrize("condition", [1.0, 30.0, 1e4])
def test_the_rotation_is_that_of_the_singular_value_decomposition(condition):
    given = matrices(50, condition)
    u, _, v = torch.linalg.svd(given)
    torch.testing.assert_close(polar_rotation(given), u @ v, atol=1e-9, rtol=0)


@pytest.mark.parametrize("condition", [1.0, 30.0, 1e4])
def test_the_inverse_is_one(condition):
    given = matrices(50, condition)
    product = inverse(given) @ given
    rounding = 1e-15 * condition**2 + 1e-13
    identity = torch.eye(3).double().expand(50, 3, 3)
    torch.testing.assert_close(product, identity, atol=rounding, rtol=0)


def test_the_root_squared_is_the_matrix_and_its_floor():
    factors = matrices(50, 100.0)
    given, floor = factors @ factors.mT, torch.linspace(1e-6, 1e-2, 50).double()
    root = symmetric_root(given, floor)
    expected = given + floor[:, None, None] * torch.eye(3)
    torch.testing.assert_close(root @ root, expected, atol=1e-12, rtol=0)
    assert torch.linalg.eigvalsh(root).min() > 0
    torch.testing.assert_close(symmetric_root(given[:1], 1e-6), root[:1])


def test_one_colour_has_the_root_of_the_floor():
    """Rounding makes covariances of grey pictures slightly negative."""
    given = -1e-9 * torch.ones(1, 3, 3, dtype=torch.float64)
    expected = 0.03 * torch.eye(3).double()[None]
    torch.testing.assert_close(symmetric_root(given, 9e-4), expected, atol=1e-6, rtol=0)

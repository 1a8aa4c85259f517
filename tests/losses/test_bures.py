"""Roots of covariance matrices, against SciPy and finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from torch.autograd import gradcheck

from impasto.losses.bures import bures, trace_sqrt
from impasto.runtime.threads import own_threads


def covariance(channels, *, rank=None, batch=(), seed=0, dtype=torch.float64):
    """A random positive semi-definite matrix, or a batch of them."""
    random = torch.Generator().manual_seed(seed)
    vectors = torch.randn(*batch, channels, rank or 3 * channels, generator=random, dtype=dtype)
    return vectors @ vectors.mT / vectors.shape[-1]


def symmetric(matrix):
    return 0.5 * (matrix + matrix.mT)


def scipy_trace_sqrt(matrix):
    return scipy.linalg.sqrtm(matrix.numpy()).real.trace()


def scipy_bures(covariance, target):
    root = scipy.linalg.sqrtm(target.numpy())
    cross = scipy.linalg.sqrtm(root @ covariance.numpy() @ root)
    return covariance.numpy().trace() + target.numpy().trace() - 2 * cross.real.trace()


@pytest.mark.parametrize("channels", [1, 2, 7, 24])
def test_trace_sqrt_equals_scipy(channels):
    matrix = covariance(channels)
    assert trace_sqrt(matrix).item() == pytest.approx(scipy_trace_sqrt(matrix), rel=1e-10)


@pytest.mark.parametrize("channels", [1, 2, 7, 24])
def test_bures_equals_scipy(channels):
    a, b = covariance(channels, seed=1), covariance(channels, seed=2)
    assert bures(a, b).item() == pytest.approx(scipy_bures(a, b), rel=1e-10)


def test_commuting_matrices_match_the_closed_form():
    a, b = torch.tensor([4.0, 9.0, 0.25]), torch.tensor([1.0, 16.0, 0.25])
    expected = (a.sqrt() - b.sqrt()).square().sum()
    torch.testing.assert_close(bures(a.diag(), b.diag()), expected)


def test_bures_is_symmetric_and_zero_for_equal_matrices():
    a, b = covariance(6, seed=1), covariance(6, seed=2)
    assert bures(a, a).item() == pytest.approx(0, abs=1e-12)
    assert bures(a, b).item() == pytest.approx(bures(b, a).item(), rel=1e-12)
    assert bures(a, b).item() > 0.1


def test_bures_scales_with_the_matrices():
    a, b = covariance(6, seed=1), covariance(6, seed=2)
    torch.testing.assert_close(bures(9 * a, 9 * b), 9 * bures(a, b), rtol=1e-12, atol=0)


def test_triangle_inequality():
    a, b, c = (covariance(5, seed=seed) for seed in (1, 2, 3))
    assert bures(a, c).sqrt() < bures(a, b).sqrt() + bures(b, c).sqrt()


def test_batch_equals_single_matrices():
    a, b = covariance(4, batch=(2, 3), seed=1), covariance(4, batch=(2, 3), seed=2)
    roots, distances = trace_sqrt(a), bures(a, b)
    assert roots.shape == distances.shape == (2, 3)
    for i in range(2):
        for j in range(3):
            torch.testing.assert_close(roots[i, j], trace_sqrt(a[i, j]))
            torch.testing.assert_close(distances[i, j], bures(a[i, j], b[i, j]))


def test_target_broadcasts_over_a_batch():
    a, b = covariance(4, batch=(3,), seed=1), covariance(4, seed=2)
    torch.testing.assert_close(bures(a, b[None]), torch.stack([bures(each, b) for each in a]))


# eigh reads one triangle only, so finite differences are taken in symmetric directions.
@pytest.mark.parametrize(
    "matrix",
    [
        covariance(5),
        covariance(3, batch=(2,)),
        torch.eye(4, dtype=torch.float64),  # one eigenvalue, four times
        torch.tensor([4.0, 4.0, 1.0], dtype=torch.float64).diag(),
    ],
    ids=["random", "batch", "identity", "repeated"],
)
def test_gradient_of_trace_sqrt(matrix):
    assert gradcheck(lambda x: trace_sqrt(symmetric(x)), matrix.clone().requires_grad_())


@pytest.mark.parametrize("start", ["random", "target", "identity"])
def test_gradient_of_bures(start):
    target = covariance(4, seed=2)
    matrices = {"random": covariance(4), "target": target, "identity": torch.eye(4).double()}
    leaf = matrices[start].clone().requires_grad_()
    assert gradcheck(lambda x: bures(symmetric(x), target), leaf)


def test_gradient_is_symmetric():
    leaf = covariance(5).requires_grad_()
    (gradient,) = torch.autograd.grad(bures(leaf, covariance(5, seed=2)), leaf)
    torch.testing.assert_close(gradient, gradient.mT)


def test_second_derivative_is_an_error():
    leaf = covariance(3).requires_grad_()
    (gradient,) = torch.autograd.grad(trace_sqrt(leaf).square(), leaf, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rank", [1, 3])
def test_rank_deficient_covariance_has_a_finite_gradient(dtype, rank):
    leaf = covariance(8, rank=rank, dtype=dtype).requires_grad_()
    target = covariance(8, seed=2, dtype=dtype)
    value = bures(leaf, target)
    (gradient,) = torch.autograd.grad(value, leaf)
    assert gradient.isfinite().all()
    assert gradient.abs().max() < torch.finfo(dtype).eps ** -0.5
    lifted = leaf.detach().double() + 1e-9 * torch.eye(8)  # scipy's root warns of singular ones
    assert value.item() == pytest.approx(scipy_bures(lifted, target.double()), rel=1e-2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_zero_matrix_has_a_finite_root_and_gradient(dtype):
    leaf = torch.zeros(4, 4, dtype=dtype, requires_grad=True)
    value = trace_sqrt(leaf)
    (gradient,) = torch.autograd.grad(value, leaf)
    assert 0 <= value.item() < 1e-15
    assert gradient.isfinite().all()


def test_slightly_indefinite_target():
    values = torch.tensor([1.0, 0.5, -1e-7, -2e-7])
    basis, _ = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(0)))
    target = symmetric(basis @ values.diag() @ basis.mT)
    assert torch.linalg.cholesky_ex(target).info > 0
    identity = torch.eye(4).requires_grad_()
    expected = 4 + 1.5 - 2 * (1 + 0.5**0.5)
    value = bures(identity, target)
    assert value.item() == pytest.approx(expected, abs=1e-2)
    (gradient,) = torch.autograd.grad(value, identity)
    assert gradient.isfinite().all()


def test_float32_agrees_with_float64():
    a, b = covariance(16, seed=1), covariance(16, seed=2)
    assert bures(a.float(), b.float()).item() == pytest.approx(bures(a, b).item(), rel=1e-4)


def test_non_finite_matrix_gives_nan_without_affecting_others():
    matrices = torch.stack([torch.eye(3), torch.full((3, 3), torch.nan), 4 * torch.eye(3)])
    traces = trace_sqrt(matrices)
    assert traces.isnan().tolist() == [False, True, False]
    assert traces[0] == pytest.approx(3.0)
    assert traces[2] == pytest.approx(6.0)


def float64_gradient(a, b):
    """1 − B^½ (B^½ A B^½)^-½ B^½, written out with NumPy."""
    values, vectors = np.linalg.eigh(b.double().numpy())
    root = vectors * np.sqrt(values) @ vectors.T
    values, vectors = np.linalg.eigh(root @ a.double().numpy() @ root)
    return np.eye(len(a)) - root @ (vectors / np.sqrt(values) @ vectors.T) @ root


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 2e-3)])
@pytest.mark.parametrize("channels", [3, 16, 128])
def test_gradient_equals_the_closed_form(channels, dtype, tolerance):
    a, b = covariance(channels, seed=1, dtype=dtype), covariance(channels, seed=2, dtype=dtype)
    leaf = a.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(bures(leaf, b), leaf)
    np.testing.assert_allclose(gradient.numpy(), float64_gradient(a, b), rtol=0, atol=tolerance)


def test_a_batch_of_targets_for_one_covariance():
    a, targets = covariance(4, seed=1), covariance(4, batch=(3,), seed=2)
    leaf = a.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(bures(leaf, targets).sum(), leaf)
    expected = sum(float64_gradient(a, target) for target in targets)
    np.testing.assert_allclose(gradient.numpy(), expected, atol=1e-9)


def test_one_thread_computes_it_all(monkeypatch):
    """Matrices of this size are too small for several threads, which would wait for each other."""
    threads = []

    def recording(function):
        def recorded(*given, **options):
            threads.append(torch.get_num_threads())
            return function(*given, **options)

        return recorded

    for name in ("eigh", "cholesky_ex"):
        monkeypatch.setattr(torch.linalg, name, recording(getattr(torch.linalg, name)))
    before = torch.get_num_threads()
    with own_threads(2):
        leaf = covariance(4).requires_grad_()
        bures(leaf, covariance(4, seed=2)).backward()
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == before
    assert threads == [1, 1]

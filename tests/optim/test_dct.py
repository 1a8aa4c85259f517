"""The cosine transform, against SciPy."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft

from impasto.optim.circular_preconditioner import CircularPreconditioner
from impasto.optim.dct import dct_2d, dct_by_fft, inverse_dct_2d, inverse_dct_by_fft
from impasto.optim.preconditioner import Preconditioner

SIZES = [(1, 1), (1, 2), (2, 1), (3, 2), (7, 7), (16, 31), (64, 48), (101, 64)]


def noise(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def by_scipy(transform, x: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(transform(x.numpy(), axes=(-2, -1), norm="ortho"))


@pytest.mark.parametrize("size", SIZES)
def test_transforms_equal_scipy(size):
    x = noise(1, 3, *size)
    for ours in (dct_2d, dct_by_fft):
        torch.testing.assert_close(ours(x), by_scipy(fft.dctn, x), rtol=0, atol=1e-13)
    for ours in (inverse_dct_2d, inverse_dct_by_fft):
        torch.testing.assert_close(ours(x), by_scipy(fft.idctn, x), rtol=0, atol=1e-13)


@settings(deadline=None)  # the first call plans the transforms
@given(st.integers(1, 40), st.integers(1, 40))
def test_inverse_restores_the_picture_and_its_energy(height, width):
    x = noise(2, height, width)
    coefficients = dct_by_fft(x)
    torch.testing.assert_close(inverse_dct_by_fft(coefficients), x, rtol=0, atol=1e-13)
    torch.testing.assert_close(coefficients.square().sum(), x.square().sum(), rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(dct_by_fft, fft.dctn), (inverse_dct_by_fft, fft.idctn)],
    ids=["dct", "inverse"],
)
def test_float32_is_as_accurate_as_scipy(ours, theirs):
    x = noise(1, 3, 512, 384, dtype=torch.float32)
    exact = by_scipy(theirs, x.double())
    error = (ours(x) - exact).square().mean().sqrt()
    assert ours(x).dtype == torch.float32
    assert error <= 1.5 * (by_scipy(theirs, x) - exact).square().mean().sqrt()


@pytest.mark.parametrize("transform", [dct_by_fft, inverse_dct_by_fft])
def test_memory_layout_does_not_matter_and_the_input_is_kept(transform):
    x = noise(1, 3, 12, 17)
    before, strided = x.clone(), x.to(memory_format=torch.channels_last)
    torch.testing.assert_close(transform(strided), transform(x), rtol=0, atol=1e-14)
    assert torch.equal(x, before)
    assert torch.equal(strided, before)


def test_first_call_in_inference_mode_allows_later_gradients():
    with torch.inference_mode():
        dct_by_fft(noise(1, 3, 13, 19))
    weights = noise(1, 3, 13, 19).requires_grad_()
    (dct_by_fft(noise(1, 3, 13, 19)) * weights).sum().backward()
    assert weights.grad.isfinite().all()


@pytest.mark.parametrize("kind", [Preconditioner, CircularPreconditioner])
def test_tensors_stay_on_the_device_of_the_input(kind):
    """On the "meta" device, where nothing can be copied to the CPU."""
    preconditioner, x = kind((8, 9), 0.5), torch.empty(1, 3, 8, 9, device="meta")
    for transform in (preconditioner, preconditioner.to_pixels, preconditioner.pull_back):
        assert transform(x).device == x.device
        assert transform(x).shape == x.shape

"""The parts of one-pass networks, against torch's own."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from impasto.networks.normalization import (
    EPSILON,
    Moments,
    convolve_reflect,
    moments_of,
    normalize,
    run_staged,
)


def features(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Channels of different size and offset."""
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(*shape, generator=random, dtype=torch.float64)
    width = torch.arange(1.0, shape[1] + 1).view(1, -1, 1, 1)
    return (x * width + 2 - width).to(dtype)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_moments_are_those_of_torch(layout):
    x = features(2, 5, 7, 9).contiguous(memory_format=layout)
    variance, mean = torch.var_mean(x.double(), (2, 3), unbiased=False)
    found = moments_of(x)
    assert found.mean.dtype == found.square.dtype == torch.float32
    torch.testing.assert_close(found.mean.double(), mean, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found.square.double(), variance + mean**2, rtol=1e-5, atol=0)


def test_moments_of_a_large_map_are_as_exact_as_those_of_its_tiles():
    """A mean 20 deviations from zero: the variance is a small difference of the two."""
    x = features(1, 2, 640, 1024) / 20 + 1
    variance, mean = torch.var_mean(x.double(), (2, 3), unbiased=False)
    found = moments_of(x)
    torch.testing.assert_close(found.mean.double(), mean, rtol=5e-7, atol=0)
    torch.testing.assert_close(found.square.double(), variance + mean**2, rtol=5e-7, atol=0)


def test_normalizing_by_own_moments_is_instance_normalization():
    x = features(2, 5, 6, 8)
    scale, shift = features(2, 5, 1, 1, seed=1)[..., 0, 0], features(2, 5, 1, 1, seed=2)[..., 0, 0]
    expected = F.instance_norm(x, eps=EPSILON) * scale[..., None, None] + shift[..., None, None]
    found = normalize(x, moments_of(x), scale, shift)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    maps = (part[..., None, None].expand_as(x) for part in (scale, shift))
    torch.testing.assert_close(normalize(x, moments_of(x), *maps), found)


def test_gradients_are_those_of_instance_normalization():
    """The moments are part of the function: gradients flow through them too."""
    gradients = []
    for own in (True, False):
        x = features(2, 3, 5, 6).requires_grad_(True)
        scale = features(1, 3, 1, 1, seed=1)[..., 0, 0].requires_grad_(True)
        shift = features(1, 3, 1, 1, seed=2)[..., 0, 0].requires_grad_(True)
        if own:
            y = normalize(x, moments_of(x), scale, shift)
        else:
            y = F.instance_norm(x, eps=EPSILON) * scale[..., None, None] + shift[..., None, None]
        loss = (y * features(2, 3, 5, 6, seed=3)).sin().sum()
        gradients.append(torch.autograd.grad(loss, (x, scale, shift)))
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_even_maps_are_normalized_to_the_shift():
    x = torch.full((1, 2, 4, 4), 3.0)
    shift = torch.tensor([[0.5, -1.0]])
    found = normalize(x, moments_of(x), torch.full((1, 2), 5.0), shift)
    assert float((found - shift[..., None, None]).abs().max()) < 1e-3


def test_a_walk_is_sent_the_moments_of_what_it_hands_out():
    first, second = features(1, 2, 3, 4), features(1, 3, 2, 2, seed=1)
    seen = []

    def walk():
        seen.append((yield first))
        seen.append((yield second))
        return first + 1

    assert torch.equal(run_staged(walk()), first + 1)
    for moments, x in zip(seen, (first, second), strict=True):
        assert isinstance(moments, Moments)
        torch.testing.assert_close(moments, moments_of(x))


def test_a_walk_may_hand_out_nothing():
    def walk():
        return torch.ones(1)
        yield

    assert torch.equal(run_staged(walk()), torch.ones(1))


@pytest.mark.parametrize(("kernel", "stride", "bias"), [(1, 1, True), (3, 2, False), (9, 1, True)])
def test_reflected_is_torchs_reflecting_convolution(kernel, stride, bias):
    pad = kernel // 2
    expected = nn.Conv2d(2, 3, kernel, stride, pad, bias=bias, padding_mode="reflect")
    plain = nn.Conv2d(2, 3, kernel, stride, bias=bias)
    plain.load_state_dict(expected.state_dict())
    x = features(2, 2, 10, 13)
    torch.testing.assert_close(convolve_reflect(plain, x), expected(x))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("level", [0.0, 0.3, 11.0])
def test_even_maps_in_half_precision_are_normalized_to_the_shift(dtype, level):
    """Where a mean times a factor of hundreds, rounded, would leave some whole numbers over."""
    x = torch.full((1, 2, 8, 8), level, dtype=dtype)
    scale, shift = torch.full((1, 2), 3.0), torch.tensor([[0.25, -1.0]])
    made = normalize(x, moments_of(x), scale, shift)
    assert made.dtype == dtype
    torch.testing.assert_close(made.float(), shift[:, :, None, None].expand(1, 2, 8, 8))


def test_half_precision_is_as_exact_as_its_numbers():
    random = torch.Generator().manual_seed(1)
    x = (20 + torch.randn(1, 4, 64, 64, generator=random)).bfloat16()
    made = normalize(x, moments_of(x), torch.ones(1, 4), torch.zeros(1, 4)).float()
    reference = torch.nn.functional.instance_norm(x.double())
    assert (made - reference).abs().mean() < 0.004
    assert made.mean((2, 3)).abs().max() < 0.03

"""Winograd convolutions equal torch's, forward and backward."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from impasto.nn import winograd
from impasto.nn.convolution import FixedConvolution
from impasto.nn.winograd import transform

MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate",
         "circular": "circular"}  # fmt: skip


def random(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def convolve(x, filters, bias, *, padding, relu=False):
    """Through the autograd function, so that it has a gradient."""
    return FixedConvolution.apply(x, filters, None, bias, padding, relu)


def direct(x, weight, bias, padding, relu=False):
    y = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=MODES[padding]), weight, bias)
    return y.relu() if relu else y


@given(
    batch=st.integers(1, 3),
    height=st.integers(2, 21),
    width=st.integers(2, 21),
    channels=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    padding=st.sampled_from(list(MODES)),
    relu=st.booleans(),
    biased=st.booleans(),
)
def test_equals_a_convolution(batch, height, width, channels, padding, relu, biased):
    x = random(batch, channels[0], height, width).requires_grad_()
    weight = random(channels[1], channels[0], 3, 3, seed=1)
    bias = random(channels[1], seed=2) if biased else None
    reference = direct(x, weight, bias, padding, relu)
    result = convolve(x, transform(weight), bias, padding=padding, relu=relu)
    torch.testing.assert_close(result, reference, rtol=0, atol=1e-11)
    weights = random(*reference.shape, seed=3)
    (expected,) = torch.autograd.grad((reference * weights).sum(), x)
    (actual,) = torch.autograd.grad((result * weights).sum(), x)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("padding", MODES)
def test_gradients_match_finite_differences(padding):
    x = random(1, 2, 5, 6).requires_grad_()
    filters = transform(random(3, 2, 3, 3, seed=1))
    assert torch.autograd.gradcheck(lambda x: convolve(x, filters, None, padding=padding), x)


def test_the_size_of_blocks_does_not_matter(monkeypatch):
    x, weight = random(2, 3, 30, 41), random(4, 3, 3, 3, seed=1)
    reference = direct(x, weight, None, "reflect")
    for most in (1, 7, 40):
        monkeypatch.setattr(winograd, "_BLOCK_ELEMENTS", 0)
        monkeypatch.setattr(winograd, "_MIN_PATCHES", most)
        result = convolve(x, transform(weight), None, padding="reflect")
        torch.testing.assert_close(result, reference, rtol=0, atol=1e-11)


def test_float32_rounding_errors_are_small():
    x = random(1, 256, 24, 32, dtype=torch.float32).relu()
    weight = random(256, 256, 3, 3, seed=1, dtype=torch.float32) / 48
    reference = direct(x.double(), weight.double(), None, "zeros")
    result = convolve(x, transform(weight), None, padding="zeros")
    assert (result - reference).abs().max() < 2e-5 * reference.abs().max()


def test_the_result_is_channels_last():
    result = convolve(random(1, 4, 9, 10), transform(random(5, 4, 3, 3)), None, padding="zeros")
    assert result.is_contiguous(memory_format=torch.channels_last)


def test_the_speed_is_measured_once():
    assert winograd.is_faster() is winograd.is_faster()


def test_torch_is_used_where_it_is_faster_or_needed(monkeypatch):
    monkeypatch.setattr(winograd, "is_faster", lambda: True)
    weight, x = torch.rand(256, 128, 3, 3), torch.rand(1, 128, 12, 12)
    assert winograd.is_worthwhile(weight, x)
    assert not winograd.is_worthwhile(weight.double(), x.double())
    assert not winograd.is_worthwhile(weight.bfloat16(), x.bfloat16())
    assert not winograd.is_worthwhile(weight[:, :64], x[:, :64])
    assert not winograd.is_worthwhile(weight, x[..., :11])
    monkeypatch.setattr(winograd, "is_faster", lambda: False)
    assert not winograd.is_worthwhile(weight, x)

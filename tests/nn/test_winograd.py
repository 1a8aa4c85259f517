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


def numbers(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def convolve(x, filters, bias, *, padding, rectify=False):
    """With its gradient."""
    return FixedConvolution.apply(x, filters, None, bias, padding, rectify)


def direct(x, weight, bias, padding, rectify=False):
    y = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=MODES[padding]), weight, bias)
    return y.relu() if rectify else y


@given(
    batch=st.integers(1, 3),
    height=st.integers(2, 21),
    width=st.integers(2, 21),
    channels=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    padding=st.sampled_from(list(MODES)),
    rectify=st.booleans(),
    biased=st.booleans(),
)
def test_it_is_a_convolution(batch, height, width, channels, padding, rectify, biased):
    x = numbers(batch, channels[0], height, width).requires_grad_()
    weight = numbers(channels[1], channels[0], 3, 3, seed=1)
    bias = numbers(channels[1], seed=2) if biased else None
    wanted = direct(x, weight, bias, padding, rectify)
    made = convolve(x, transform(weight), bias, padding=padding, rectify=rectify)
    torch.testing.assert_close(made, wanted, rtol=0, atol=1e-11)
    weights = numbers(*wanted.shape, seed=3)
    (expected,) = torch.autograd.grad((wanted * weights).sum(), x)
    (found,) = torch.autograd.grad((made * weights).sum(), x)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("padding", MODES)
def test_gradients_are_those_of_finite_differences(padding):
    x = numbers(1, 2, 5, 6).requires_grad_()
    filters = transform(numbers(3, 2, 3, 3, seed=1))
    assert torch.autograd.gradcheck(lambda x: convolve(x, filters, None, padding=padding), x)


def test_blocks_make_one_picture(monkeypatch):
    """However few patches fit into the cache."""
    x, weight = numbers(2, 3, 30, 41), numbers(4, 3, 3, 3, seed=1)
    wanted = direct(x, weight, None, "reflect")
    for most in (1, 7, 40):
        monkeypatch.setattr(winograd, "_NUMBERS", 0)
        monkeypatch.setattr(winograd, "_LEAST_PATCHES", most)
        made = convolve(x, transform(weight), None, padding="reflect")
        torch.testing.assert_close(made, wanted, rtol=0, atol=1e-11)


def test_float32_is_near_enough():
    x = numbers(1, 256, 24, 32, dtype=torch.float32).relu()
    weight = numbers(256, 256, 3, 3, seed=1, dtype=torch.float32) / 48
    wanted = direct(x.double(), weight.double(), None, "zeros")
    made = convolve(x, transform(weight), None, padding="zeros")
    assert (made - wanted).abs().max() < 2e-5 * wanted.abs().max()


def test_the_result_is_channels_last():
    made = convolve(numbers(1, 4, 9, 10), transform(numbers(5, 4, 3, 3)), None, padding="zeros")
    assert made.is_contiguous(memory_format=torch.channels_last)


def test_the_choice_is_measured_once():
    assert winograd.is_faster() is winograd.is_faster()


def test_it_is_left_to_torch_where_it_would_not_do(monkeypatch):
    monkeypatch.setattr(winograd, "is_faster", lambda: True)
    weight, x = torch.rand(256, 128, 3, 3), torch.rand(1, 128, 12, 12)
    assert winograd.pays(weight, x)
    assert not winograd.pays(weight.double(), x.double())
    assert not winograd.pays(weight.bfloat16(), x.bfloat16())
    assert not winograd.pays(weight[:, :64], x[:, :64])
    assert not winograd.pays(weight, x[..., :11])
    monkeypatch.setattr(winograd, "is_faster", lambda: False)
    assert not winograd.pays(weight, x)

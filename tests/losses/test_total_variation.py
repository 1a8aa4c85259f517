"""Total variation, against its formulae written out as loops."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from impasto.errors import OptionError
from impasto.losses.total_variation import VARIATIONS, total_variation

quick = settings(max_examples=40, deadline=None)


def maps(seed=0, shape=(2, 3, 4, 5), dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@st.composite
def pictures(draw):
    """Pictures of one random shape, with values of all sizes."""
    few, side = st.integers(1, 3), st.integers(2, 5)
    shape = draw(st.tuples(few, few, side, side))
    scale = 10.0 ** draw(st.integers(-3, 3))
    return scale * maps(draw(st.integers(0, 10**6)), shape)


def differences(picture):
    """For each pixel and channel: the difference down and right, None beyond the border."""
    channels, height, width = picture.shape
    for c, y, x in product(range(channels), range(height), range(width)):
        value = picture[c, y, x].item()
        down = picture[c, y + 1, x].item() - value if y + 1 < height else None
        right = picture[c, y, x + 1].item() - value if x + 1 < width else None
        yield down, right


def have_both(down, right):
    return down is not None and right is not None


VARIATION = {
    "l1": lambda down, right: abs(down or 0) + abs(right or 0),
    "squared": lambda down, right: (down or 0) ** 2 + (right or 0) ** 2,
    "isotropic": lambda down, right: math.hypot(down, right) if have_both(down, right) else 0,
    "isotropic-squared": lambda down, right: down**2 + right**2 if have_both(down, right) else 0,
}


def test_every_variation_has_a_reference():
    assert {*VARIATION, "chroma-squared"} == VARIATIONS.keys()


def test_differences_of_colour_count_seven_times():
    """Squared differences, and six times those from the mean of the channels."""
    image = maps()
    grey = image.mean(1, keepdim=True).expand_as(image)
    colour = total_variation(image - grey, "squared", mean=False)
    expected = total_variation(image, "squared", mean=False) + 6 * colour
    found = total_variation(image, "chroma-squared", mean=False)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(
        total_variation(grey, "chroma-squared"), total_variation(grey, "squared")
    )


@pytest.mark.parametrize("kind", VARIATION)
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 2, 2)])
def test_total_variation_is_the_formula(kind, shape):
    image = maps(shape=shape)
    sums, means = (total_variation(image, kind, mean=mean) for mean in (False, True))
    for b, picture in enumerate(image):
        expected = sum(VARIATION[kind](down, right) for down, right in differences(picture))
        assert sums[b].item() == pytest.approx(expected, rel=1e-12)
        assert means[b].item() == pytest.approx(expected / picture.numel(), rel=1e-12)


@pytest.mark.parametrize("kind", VARIATIONS)
def test_variation_gradient(kind):
    leaf = maps().requires_grad_()
    assert gradcheck(lambda x: total_variation(x, kind), leaf)


@pytest.mark.parametrize("rows", [1, 2, 3, 8])
@pytest.mark.parametrize("kind", VARIATIONS)
def test_strips_change_nothing(monkeypatch, kind, rows):
    leaf = maps(shape=(2, 3, 9, 5)).requires_grad_()
    weights = torch.tensor([0.5, 2.0], dtype=torch.float64)
    value = total_variation(leaf, kind)
    (gradient,) = torch.autograd.grad(value @ weights, leaf)
    monkeypatch.setattr("impasto.runtime.strips.STRIP_ELEMENTS", rows * 2 * 3 * 5)
    in_strips = total_variation(leaf, kind)
    torch.testing.assert_close(in_strips, value)
    torch.testing.assert_close(torch.autograd.grad(in_strips @ weights, leaf)[0], gradient)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", VARIATIONS)
def test_constant_picture_has_zero_variation_and_gradient(kind, dtype):
    leaf = torch.full((1, 3, 4, 4), 0.3, dtype=dtype, requires_grad=True)
    value = total_variation(leaf, kind)
    value.sum().backward()
    assert 0 <= value.item() <= torch.finfo(dtype).eps
    torch.testing.assert_close(leaf.grad, torch.zeros_like(leaf))


@pytest.mark.parametrize("kind", VARIATIONS)
@quick
@given(image=pictures(), shift=st.floats(-2, 2))
def test_adding_a_constant_changes_nothing(image, shift, kind):
    value = total_variation(image, kind)
    assert (value >= 0).all()
    size = image.abs().max().item() + abs(shift)
    shifted = total_variation(image + shift, kind)
    torch.testing.assert_close(shifted, value, rtol=1e-9, atol=1e-12 * size)


@pytest.mark.parametrize("kind", VARIATIONS)
@quick
@given(image=pictures(), factor=st.floats(1e-2, 1e2))
def test_scaling_the_picture_scales_the_variation(image, factor, kind):
    power = 2 if kind.endswith("squared") else 1
    expected = total_variation(image, kind) * factor**power
    torch.testing.assert_close(total_variation(factor * image, kind), expected, rtol=1e-9, atol=0)
    torch.testing.assert_close(total_variation(-image, kind), total_variation(image, kind))


@pytest.mark.parametrize("kind", VARIATIONS)
def test_transposing_changes_nothing(kind):
    image = maps(shape=(1, 3, 4, 7))
    torch.testing.assert_close(total_variation(image.mT, kind), total_variation(image, kind))


@pytest.mark.parametrize("kind", VARIATIONS)
def test_mean_is_nearly_independent_of_the_size(kind):
    small, large = (torch.rand(1, 3, side, side, generator=seeded()) for side in (64, 256))
    torch.testing.assert_close(
        total_variation(large, kind), total_variation(small, kind), rtol=0.05, atol=0
    )


def seeded():
    return torch.Generator().manual_seed(0)


def test_unknown_variation_error_lists_the_choices():
    with pytest.raises(OptionError, match=", ".join(VARIATIONS)):
        total_variation(maps(), "square")

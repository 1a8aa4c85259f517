"""The content loss, against its formulae written out as loops."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from impasto.errors import OptionError
from impasto.losses.content import CONTENT_NORMALIZATIONS, content_loss

quick = settings(max_examples=40, deadline=None)


def maps(seed=0, shape=(2, 3, 4, 5), dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@st.composite
def pairs(draw):
    """Two feature maps of one random shape, with values of all sizes."""
    few, side = st.integers(1, 3), st.integers(2, 5)
    shape = draw(st.tuples(few, few, side, side))
    scale = 10.0 ** draw(st.integers(-3, 3))
    return [scale * maps(draw(st.integers(0, 10**6)), shape) for _ in range(2)]


# From Σ (F − P)², Σ P² and the number of values of one picture.
CONTENT = {
    "relative": lambda error, energy, count: error / energy,
    "gatys": lambda error, energy, count: 0.5 * error,
    "quarter": lambda error, energy, count: error / (4 * count),
    "mean": lambda error, energy, count: error / count,
}


def test_every_content_normalization_has_a_reference():
    assert CONTENT.keys() == CONTENT_NORMALIZATIONS.keys()


@pytest.mark.parametrize("normalization", CONTENT)
def test_content_loss_is_the_formula(normalization):
    features, target = maps(1), maps(2)
    losses = content_loss(features, target, normalization)
    assert losses.shape == (2,)
    for b in range(2):
        error = energy = 0.0
        for c, y, x in product(range(3), range(4), range(5)):
            error += (features[b, c, y, x].item() - target[b, c, y, x].item()) ** 2
            energy += target[b, c, y, x].item() ** 2
        expected = CONTENT[normalization](error, energy, 3 * 4 * 5)
        assert losses[b].item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("normalization", CONTENT_NORMALIZATIONS)
@pytest.mark.parametrize("batch", [1, 2])
def test_content_gradient(normalization, batch):
    target = maps(2)[:batch]
    leaf = maps(1).requires_grad_()
    assert gradcheck(lambda x: content_loss(x, target, normalization), leaf)


@pytest.mark.parametrize("normalization", CONTENT_NORMALIZATIONS)
def test_content_broadcasts_over_a_batch(normalization):
    features, target = maps(1), maps(2)[:1]
    losses = content_loss(features, target, normalization)
    expected = content_loss(features, target.expand_as(features), normalization)
    torch.testing.assert_close(losses, expected)


@pytest.mark.parametrize("normalization", CONTENT_NORMALIZATIONS)
@quick
@given(pair=pairs())
def test_content_loss_is_zero_only_for_equal_maps(pair, normalization):
    features, target = pair
    assert (content_loss(target, target, normalization) == 0).all()
    losses = content_loss(features, target, normalization)
    assert (losses >= 0).all()
    assert bool((losses > 0).any()) == (not torch.equal(features, target))


@quick
@given(pair=pairs(), factor=st.floats(1e-3, 1e3))
def test_only_the_relative_content_loss_is_scale_invariant(pair, factor):
    features, target = pair
    for normalization in CONTENT_NORMALIZATIONS:
        expected = content_loss(features, target, normalization)
        if normalization != "relative":
            expected = expected * factor**2
        got = content_loss(factor * features, factor * target, normalization)
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=0)


def test_all_zero_content_has_a_finite_relative_loss_and_gradient():
    zeros = torch.zeros(1, 2, 3, 3)
    leaf = zeros.clone().requires_grad_()
    loss = content_loss(leaf, zeros)
    loss.sum().backward()
    assert loss.item() == 0
    assert leaf.grad.isfinite().all()


@pytest.mark.parametrize("features_dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("target_dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("normalization", CONTENT_NORMALIZATIONS)
def test_half_precision_is_summed_in_float32(normalization, features_dtype, target_dtype):
    # 60² × 2000 values is far beyond float16's largest number.
    features = (60 * maps(1, (1, 5, 20, 20))).to(features_dtype)
    target = (60 * maps(2, (1, 5, 20, 20))).to(target_dtype)
    losses = content_loss(features, target, normalization)
    assert losses.dtype == torch.float32
    expected = content_loss(features.double(), target.double(), normalization)
    torch.testing.assert_close(losses.double(), expected, rtol=1e-5, atol=0)


def test_unknown_content_normalization_error_lists_the_choices():
    with pytest.raises(OptionError, match=", ".join(CONTENT_NORMALIZATIONS)):
        content_loss(maps(), maps(), "gaty")


@pytest.mark.parametrize("shape", [(2, 3, 4, 6), (2, 3, 5, 5), (2, 4, 4, 5), (2, 3, 1, 1)])
def test_another_size_is_an_error(shape):
    with pytest.raises(OptionError, match=r"\(3, 4, 5\).* same size"):
        content_loss(maps(), maps(shape=shape))

"""Content loss and total variation, against their formulae written out as loops."""

from __future__ import annotations

import math
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from impasto.errors import OptionError
from impasto.losses.content import CONTENT_NORMALIZATIONS, content_loss
from impasto.losses.total_variation import VARIATIONS, total_variation

quick = settings(max_examples=40, deadline=None)


def maps(seed=0, shape=(2, 3, 4, 5), dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@st.composite
def pictures(draw, count=1):
    """Pictures of one random shape, with values of all sizes."""
    few, side = st.integers(1, 3), st.integers(2, 5)
    shape = draw(st.tuples(few, few, side, side))
    scale = 10.0 ** draw(st.integers(-3, 3))
    seeds = [draw(st.integers(0, 10**6)) for _ in range(count)]
    drawn = [scale * maps(seed, shape) for seed in seeds]
    return drawn[0] if count == 1 else drawn


# --- Content ----------------------------------------------------------------------------------

# From Σ (F − P)², Σ P² and the number of values of one picture.
CONTENT = {
    "relative": lambda error, energy, count: error / energy,
    "gatys": lambda error, energy, count: 0.5 * error,
    "quarter": lambda error, energy, count: error / (4 * count),
    "mean": lambda error, energy, count: error / count,
}


def test_every_content_normalization_has_its_formula_here():
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
def test_one_content_serves_a_batch(normalization):
    features, target = maps(1), maps(2)[:1]
    losses = content_loss(features, target, normalization)
    expected = content_loss(features, target.expand_as(features), normalization)
    torch.testing.assert_close(losses, expected)


@pytest.mark.parametrize("normalization", CONTENT_NORMALIZATIONS)
@quick
@given(pair=pictures(count=2))
def test_content_loss_is_zero_for_the_same_only(pair, normalization):
    features, target = pair
    assert (content_loss(target, target, normalization) == 0).all()
    losses = content_loss(features, target, normalization)
    assert (losses >= 0).all()
    assert bool((losses > 0).any()) == (not torch.equal(features, target))


@quick
@given(pair=pictures(count=2), factor=st.floats(1e-3, 1e3))
def test_only_the_relative_content_loss_ignores_the_scale(pair, factor):
    features, target = pair
    for normalization in CONTENT_NORMALIZATIONS:
        expected = content_loss(features, target, normalization)
        if normalization != "relative":
            expected = expected * factor**2
        got = content_loss(factor * features, factor * target, normalization)
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=0)


def test_a_silent_content_gives_a_finite_relative_loss_at_the_target():
    nothing = torch.zeros(1, 2, 3, 3)
    leaf = nothing.clone().requires_grad_()
    loss = content_loss(leaf, nothing)
    loss.sum().backward()
    assert loss.item() == 0
    assert leaf.grad.isfinite().all()


@pytest.mark.parametrize("ours", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("theirs", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("normalization", CONTENT_NORMALIZATIONS)
def test_half_precision_is_summed_in_float32(normalization, ours, theirs):
    # 60² × 2000 values is far beyond float16's largest number.
    features = (60 * maps(1, (1, 5, 20, 20))).to(ours)
    target = (60 * maps(2, (1, 5, 20, 20))).to(theirs)
    losses = content_loss(features, target, normalization)
    assert losses.dtype == torch.float32
    expected = content_loss(features.double(), target.double(), normalization)
    torch.testing.assert_close(losses.double(), expected, rtol=1e-5, atol=0)


def test_an_unknown_content_normalization_lists_them():
    with pytest.raises(OptionError, match=", ".join(CONTENT_NORMALIZATIONS)):
        content_loss(maps(), maps(), "gaty")


@pytest.mark.parametrize("shape", [(2, 3, 4, 6), (2, 3, 5, 5), (2, 4, 4, 5), (2, 3, 1, 1)])
def test_contents_of_another_size_are_refused(shape):
    with pytest.raises(OptionError, match=r"\(3, 4, 5\).* same size"):
        content_loss(maps(), maps(shape=shape))


# --- Total variation --------------------------------------------------------------------------


def differences(picture):
    """Of each pixel and channel: the step down and the step right, None beyond the border."""
    channels, height, width = picture.shape
    for c, y, x in product(range(channels), range(height), range(width)):
        here = picture[c, y, x].item()
        down = picture[c, y + 1, x].item() - here if y + 1 < height else None
        right = picture[c, y, x + 1].item() - here if x + 1 < width else None
        yield down, right


def both(down, right):
    return down is not None and right is not None


VARIATION = {
    "l1": lambda down, right: abs(down or 0) + abs(right or 0),
    "squared": lambda down, right: (down or 0) ** 2 + (right or 0) ** 2,
    "isotropic": lambda down, right: math.hypot(down, right) if both(down, right) else 0,
    "isotropic-squared": lambda down, right: down**2 + right**2 if both(down, right) else 0,
}


def test_every_variation_has_its_formula_here():
    assert VARIATION.keys() == VARIATIONS.keys()


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


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", VARIATIONS)
def test_a_constant_picture_has_no_variation_and_a_finite_gradient(kind, dtype):
    leaf = torch.full((1, 3, 4, 4), 0.3, dtype=dtype, requires_grad=True)
    value = total_variation(leaf, kind)
    value.sum().backward()
    assert 0 <= value.item() <= torch.finfo(dtype).eps
    torch.testing.assert_close(leaf.grad, torch.zeros_like(leaf))


@pytest.mark.parametrize("kind", VARIATIONS)
@quick
@given(image=pictures(), shift=st.floats(-2, 2))
def test_a_constant_changes_nothing(image, shift, kind):
    value = total_variation(image, kind)
    assert (value >= 0).all()
    size = image.abs().max().item() + abs(shift)
    shifted = total_variation(image + shift, kind)
    torch.testing.assert_close(shifted, value, rtol=1e-9, atol=1e-12 * size)


@pytest.mark.parametrize("kind", VARIATIONS)
@quick
@given(image=pictures(), factor=st.floats(1e-2, 1e2))
def test_scale_behaviour(image, factor, kind):
    power = 2 if kind.endswith("squared") else 1
    expected = total_variation(image, kind) * factor**power
    torch.testing.assert_close(total_variation(factor * image, kind), expected, rtol=1e-9, atol=0)
    torch.testing.assert_close(total_variation(-image, kind), total_variation(image, kind))


@pytest.mark.parametrize("kind", VARIATIONS)
def test_rows_and_columns_are_alike(kind):
    image = maps(shape=(1, 3, 4, 7))
    torch.testing.assert_close(total_variation(image.mT, kind), total_variation(image, kind))


@pytest.mark.parametrize("kind", VARIATIONS)
def test_the_mean_hardly_knows_the_size(kind):
    small, large = (torch.rand(1, 3, side, side, generator=seeded()) for side in (64, 256))
    torch.testing.assert_close(
        total_variation(large, kind), total_variation(small, kind), rtol=0.05, atol=0
    )


def seeded():
    return torch.Generator().manual_seed(0)


def test_an_unknown_variation_lists_them():
    with pytest.raises(OptionError, match=", ".join(VARIATIONS)):
        total_variation(maps(), "square")

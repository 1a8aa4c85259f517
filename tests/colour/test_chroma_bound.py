"""Bounds of chroma, against formulas written out with NumPy and derivatives by autograd."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from impasto import images
from impasto.colour.chroma_bound import ChromaBound, bound_of, sample
from impasto.colour.spaces import to_yiq
from impasto.images.samples import PAIRS

YIQ = np.array([[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
TILTED = torch.tensor([[0.8, 0.6], [-0.6, 0.8]], dtype=torch.float64)


def pixels(seed: int = 0, size: tuple[int, int] = (5, 7), chroma: float = 1.0) -> Tensor:
    """A random picture in float64, of colours or near-greys."""
    random = torch.Generator().manual_seed(seed)
    picture = torch.rand(1, 3, *size, generator=random, dtype=torch.float64)
    grey = picture.mean(1, keepdim=True)
    return grey + chroma * (picture - grey)


def bound(up: float, down: float, right: float, left: float) -> ChromaBound:
    """A bound along tilted axes."""
    axes = TILTED @ torch.from_numpy(YIQ[1:])
    limits = torch.tensor([[up, right], [down, left]], dtype=torch.float64)
    return ChromaBound(axes, limits)


def excess(picture: Tensor, up: float, down: float, right: float, left: float) -> np.ndarray:
    """The same bound, one pixel at a time."""
    found = []
    for colour in picture[0].flatten(1).T.numpy():
        first, second = TILTED.numpy() @ (YIQ[1:] @ colour)
        a = first / (up if first > 0 else down)
        b = second / (right if second > 0 else left)
        found.append(math.sqrt(a * a + b * b))
    return np.array(found).reshape(picture.shape[-2:])


LIMITS = (0.1, 0.02, 0.05, 0.3)
size_of_limit = st.floats(1e-3, 1.0)


def test_excess_is_that_of_the_quarters_of_ellipses():
    found = bound(*LIMITS).excess(pixels())[0, 0].numpy()
    np.testing.assert_allclose(found, excess(pixels(), *LIMITS), rtol=1e-12)


@given(st.tuples(*[size_of_limit] * 4), st.integers(0, 99), st.floats(0.0, 1.0))
def test_a_projection_is_within_the_bound_and_the_gamut(limits, seed, chroma):
    picture = pixels(seed, chroma=chroma)
    projected = bound(*limits).project(picture)
    assert excess(projected, *limits).max() <= 1 + 1e-9
    assert projected.min() >= -1e-12
    assert projected.max() <= 1 + 1e-12
    luma = (to_yiq(projected) - to_yiq(picture))[:, 0]
    assert luma.abs().max() < 1e-12
    inside = torch.from_numpy(excess(picture, *limits) <= 1).expand_as(picture)
    assert torch.equal(projected[inside], picture[inside])


@given(st.tuples(*[size_of_limit] * 4), st.integers(0, 99))
def test_hues_stay(limits, seed):
    picture = pixels(seed)
    before, after = to_yiq(picture)[0, 1:], to_yiq(bound(*limits).project(picture))[0, 1:]
    assert (before[0] * after[1] - before[1] * after[0]).abs().max() < 1e-12
    assert ((before * after).sum(0) >= 0).all()


def test_pull_back_is_the_derivative():
    limits = bound(*LIMITS)
    leaf, slope = pixels().requires_grad_(), torch.randn(1, 3, 5, 7, dtype=torch.float64)
    luma = torch.einsum("c,bchw->bhw", torch.from_numpy(YIQ[0]), leaf)[:, None]
    chroma = torch.einsum("kc,bchw->bkhw", limits.axes, leaf)
    up, down = limits.limits.view(2, 1, 2, 1, 1)
    ratio = (chroma / torch.where(chroma > 0, up, down)).square().sum(1, keepdim=True).sqrt()
    projected = luma + (leaf - luma) / ratio.clamp_min(1)
    torch.testing.assert_close(projected, limits.project(leaf.detach()))
    (expected,) = torch.autograd.grad(projected, leaf, slope)
    torch.testing.assert_close(limits.pull_back(leaf.detach(), slope), expected)
    assert (ratio < 1).any()
    assert (ratio > 1).any()


def test_large_pictures_are_worked_on_in_strips(monkeypatch):
    limits, picture, slope = bound(*LIMITS), pixels(size=(64, 40)), pixels(1, size=(64, 40))
    whole = limits.project(picture), limits.pull_back(picture, slope)
    monkeypatch.setattr("impasto.colour.chroma_bound._STRIP_PIXELS", 300)
    torch.testing.assert_close(limits.project(picture), whole[0], rtol=0, atol=1e-15)
    torch.testing.assert_close(limits.pull_back(picture, slope), whole[1], rtol=0, atol=1e-15)


def of(*pictures: Tensor, shares: tuple[float, ...] = ()) -> ChromaBound:
    return bound_of([sample(each) for each in pictures], shares or (1.0,) * len(pictures))


def test_grey_styles_allow_greys_only():
    grey = torch.rand(1, 1, 9, 9).expand(-1, 3, -1, -1)
    limits = of(grey)
    assert limits.is_grey
    picture = torch.rand(1, 3, 6, 5)
    for result in (limits.project(picture), limits.fit(picture)):
        assert torch.equal(result[:, :1].expand_as(result), result)
        torch.testing.assert_close(to_yiq(result)[:, 0], to_yiq(picture)[:, 0])
    slope = torch.rand(1, 3, 6, 5)
    expected = slope.sum(1, keepdim=True) * torch.tensor(YIQ[0]).float().view(1, 3, 1, 1)
    torch.testing.assert_close(limits.pull_back(picture, slope), expected)


def test_rounding_does_not_make_a_grey_style_coloured():
    noise = 1e-6 * torch.randn(1, 3, 9, 9)
    assert of((torch.rand(1, 1, 9, 9) + noise).clamp(0, 1)).is_grey


def along_the_first_axis(chroma: float, tint: float = 0.0) -> Tensor:
    """A mid-grey picture; the I of half of its pixels is raised, that of the others lowered."""
    values = torch.tensor([tint + chroma, tint - chroma], dtype=torch.float64)
    yiq = torch.stack([torch.full_like(values, 0.5), values, torch.zeros_like(values)])
    return (torch.from_numpy(np.linalg.inv(YIQ)) @ yiq).view(1, 3, 1, 2)


@pytest.mark.parametrize(("deviation", "tint"), [(1.0, 0.0), (3.0, 0.0), (1.0, 8.0)])
def test_the_closed_form_of_the_limits(deviation, tint):
    """In levels of 8 bits: along I, as far as the mean and two deviations, and then some."""
    limits = of(along_the_first_axis(deviation / 255, tint / 255))
    more = deviation**3 / 6**2

    def widened(reach: float) -> float:
        return reach * (1 + (reach / 8) ** 4)

    reaches = (tint + 2 * deviation, max(0.0, 2 * deviation - tint))
    along, across = (widened(reach + more) for reach in reaches), widened(more)
    found = 255 * limits.limits
    main = int((limits.axes @ torch.tensor(YIQ[1]).float()).abs().argmax())
    assert sorted(found[:, main].tolist()) == pytest.approx(sorted(along), rel=1e-5)
    assert found[:, 1 - main].tolist() == pytest.approx([across] * 2, rel=1e-5)
    assert 255 * limits.chroma == pytest.approx(widened(math.hypot(deviation, tint)), rel=1e-5)


def test_a_tint_is_kept_and_its_opposite_is_not():
    limits = of(along_the_first_axis(1 / 255, tint=12 / 255))
    tinted, opposite = along_the_first_axis(0, 12 / 255), along_the_first_axis(0, -12 / 255)
    assert limits.excess(tinted).max() < 1
    assert limits.excess(opposite).min() > 100


def test_several_styles_are_bounded_by_their_mixture():
    grey, tinted = pixels(1, (4, 4), chroma=0.01), pixels(2, (4, 4), chroma=0.05)
    mixed = of(grey, tinted, shares=(1.0, 3.0))
    joined = of(torch.cat([grey, tinted, tinted, tinted], dim=-1))
    torch.testing.assert_close(mixed.limits, joined.limits)
    assert mixed.chroma == pytest.approx(joined.chroma)
    none = of(grey, tinted, shares=(2.0, 0.0))
    torch.testing.assert_close(none.limits, of(grey).limits)
    assert (mixed.limits.min() > none.limits.max()).item()


def test_pixels_count_by_their_weights():
    grey = torch.full((1, 3, 4, 4), 0.5, dtype=torch.float64)
    picture = torch.cat([grey, pixels(size=(4, 4))], dim=-1)
    weights = torch.cat([torch.ones(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)], dim=-1)
    assert bound_of([sample(picture, weights)], [1.0]).is_grey
    assert not of(picture).is_grey
    nowhere = bound_of([sample(picture, 0 * weights)], [1.0])
    torch.testing.assert_close(nowhere.limits, of(picture).limits)


def test_a_large_picture_is_sampled():
    colours, weights = sample(torch.rand(1, 3, 700, 900))
    assert 2**14 < len(colours) <= 2**16
    assert weights.sum().item() == pytest.approx(1)


@pytest.mark.parametrize("pair", PAIRS)
def test_paintings_allow_every_colour(pair):
    assert of(images.read(PAIRS[pair].style_path, long_side=128).tensor).is_open


def test_a_bound_that_a_corner_of_the_gamut_exceeds_is_not_open():
    assert bound(0.7, 0.7, 0.7, 0.7).is_open
    assert not bound(0.7, 0.7, 0.7, 0.3).is_open


def test_fit_scales_all_chromas_alike():
    near_grey = of(pixels(1, (40, 40), chroma=0.02))
    picture = pixels(3, (20, 20), chroma=0.6)
    fitted = near_grey.fit(picture)
    before, after = to_yiq(picture)[0, 1:], to_yiq(fitted)[0, 1:]
    inside = near_grey.excess(fitted)[0, 0] < 0.999
    factors = (after / before)[:, inside]
    assert inside.float().mean() > 0.5
    torch.testing.assert_close(factors, factors[0, 0].expand_as(factors), rtol=1e-4, atol=0)
    assert after.square().sum(0).mean().sqrt() <= near_grey.chroma * (1 + 1e-6)
    # What is as grey as the style stays as it is.
    like_style = pixels(4, (20, 20), chroma=0.01)
    assert torch.equal(near_grey.fit(like_style), near_grey.project(like_style))

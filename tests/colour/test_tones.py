"""Curves of lightness: ranges and means, in numbers that are known."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto.colour.spaces import SPACES
from impasto.colour.tones import LIGHTNESSES, ToneCurve, give_lightness, tone_curve


def equal(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return values, torch.full_like(values, 1 / len(values))


def test_a_curve_by_hand():
    curve = ToneCurve((0.2, 0.4, 0.6), (0.5, 0.9, 1.0))
    found = curve(torch.tensor([0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.9]))
    torch.testing.assert_close(found, torch.tensor([0.5, 0.5, 0.7, 0.9, 0.95, 1.0, 1.0]))


def test_a_straight_line_is_found():
    values = torch.linspace(0, 1, 2001, dtype=torch.float64)
    curve = tone_curve(equal(values), equal(0.2 + 0.5 * values))
    inner = values[20:-20]
    torch.testing.assert_close(curve(inner), 0.2 + 0.5 * inner, atol=2e-3, rtol=0)


@given(st.floats(0.7, 1.4), st.floats(0.7, 1.4), st.floats(0.0, 0.4), st.floats(0.6, 1.0))
def test_range_and_mean_are_those_of_the_target(own, other, low, high):
    values = torch.linspace(0, 1, 500, dtype=torch.float64)
    source, target = 0.2 + 0.3 * values**own, low + (high - low) * values**other
    curve = tone_curve(equal(source), equal(target))
    moved = curve(source)
    ends = torch.tensor([0.01, 0.99], dtype=torch.float64)
    found = curve(torch.tensor(curve.source, dtype=torch.float64))[[0, 2]]
    torch.testing.assert_close(found, target.quantile(ends), atol=0.01, rtol=0)
    assert curve.source[::2] == pytest.approx(source.quantile(ends).tolist(), abs=0.005)
    assert moved.mean() == pytest.approx(float(target.mean()), abs=1e-6)
    assert (moved.diff() >= 0).all()


def test_no_half_of_the_pixels_becomes_flat():
    values = torch.linspace(0, 1, 500, dtype=torch.float64)
    mostly_white = (3 * values).clamp_max(1)
    curve = tone_curve(equal(values), equal(mostly_white))
    assert curve.target == pytest.approx((0.03, 0.9 + 0.1 * 0.03, 1.0), abs=0.01)


def test_plain_pictures_get_the_mean():
    plain, others = torch.full((7,), 0.3), torch.tensor([0.2, 0.4, 0.9])
    torch.testing.assert_close(tone_curve(equal(plain), equal(others))(plain), 0 * plain + 0.5)
    onto_plain = tone_curve(equal(others), equal(plain))(others)
    torch.testing.assert_close(onto_plain, 0 * others + 0.3)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("whose", LIGHTNESSES)
def test_lightness_and_chroma_come_from_where_they_should(space, whose):
    random = torch.Generator().manual_seed(1)
    # Muted colours of middle lightness: nothing is out of gamut.
    recoloured, style, content = (
        0.45 + 0.1 * torch.rand(1, 3, 20, 30, generator=random) for _ in range(3)
    )
    result = give_lightness(recoloured, style, content, space, whose)
    if whose == "linear":
        assert torch.equal(result, recoloured)
        return
    chosen = SPACES[space]
    found, before, own = (chosen.to(each) / chosen.white for each in (result, recoloured, style))
    torch.testing.assert_close(found[:, 1:], before[:, 1:], atol=1e-4, rtol=0)
    if whose == "style":
        torch.testing.assert_close(found[:, 0], own[:, 0], atol=1e-5, rtol=0)
    else:
        expected = chosen.to(content)[:, 0].mean() / chosen.white
        assert found[:, 0].mean() == pytest.approx(float(expected), abs=1e-4)


def test_weights_choose_what_counts_of_the_content():
    style = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(2))
    content = torch.cat([0.2 * style, 0.5 + 0.5 * style], dim=-1)
    weights = torch.cat([torch.zeros(1, 1, 9, 9), torch.ones(1, 1, 9, 9)], dim=-1)
    weighted = give_lightness(style, style, content, "oklab", "content", weights)
    part = give_lightness(style, style, content[..., 9:], "oklab")
    torch.testing.assert_close(weighted, part, atol=1e-5, rtol=0)

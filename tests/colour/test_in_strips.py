"""Colours matched in strips are those matched whole."""

import pytest
import torch

from helpers.random_inputs import smooth_picture
from impasto.colour import in_strips
from impasto.colour.in_strips import (
    match_colours_in_strips,
    match_lightness_in_strips,
    moments_in_strips,
)
from impasto.colour.matching import METHODS, match_colours, match_lightness
from impasto.colour.spaces import SPACES


@pytest.fixture
def pictures(monkeypatch):
    """A style, a content and weights of it, all of which count as large."""
    monkeypatch.setattr(in_strips, "SMALL", 100)
    monkeypatch.setattr(in_strips, "_STRIP_PIXELS", 300)
    weights = torch.rand(1, 1, 50, 60, generator=torch.Generator().manual_seed(0))
    return smooth_picture(64, 48, seed=1), smooth_picture(50, 60, seed=2), weights


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("is_weighted", [False, True])
def test_colours(pictures, method, is_weighted):
    style, content, weights = pictures
    weights = weights if is_weighted else None
    whole = match_colours(style, content, method, content_weights=weights)
    torch.testing.assert_close(
        match_colours_in_strips(style, content, method, weights), whole, atol=1e-6, rtol=0
    )
    assert not style.allclose(whole, atol=0.01)


def test_histograms_of_few_levels(pictures):
    """Equal values stay equal, whether a part of them lies in the first strip or in the last."""
    style, content, weights = pictures
    posterized = (style * 5).round() / 5
    for target in (content, (content * 3).round() / 3):
        whole = match_colours(posterized, target, "histogram", content_weights=weights)
        strips = match_colours_in_strips(posterized, target, "histogram", weights)
        torch.testing.assert_close(strips, whole, atol=2e-6, rtol=0)
        assert len(strips[0, 0].unique()) == len(posterized[0, 0].unique())


@pytest.mark.parametrize("method", METHODS)
def test_large_pictures_are_never_matched_whole(pictures, method, monkeypatch):
    """It takes some 150 bytes of memory for each of their pixels."""
    monkeypatch.setattr(in_strips, "match_colours", None)
    style, content, weights = pictures
    matched = match_colours_in_strips(style, content, method, weights)
    assert matched.shape == style.shape


@pytest.mark.parametrize("space", SPACES)
def test_lightness(pictures, space):
    style, content, _ = pictures
    whole = match_lightness(style, content, space)
    strips = match_lightness_in_strips(style, content, space)
    torch.testing.assert_close(strips, whole, atol=2e-6, rtol=0)


def test_a_plain_style(pictures):
    _, content, _ = pictures
    plain = torch.full((1, 3, 40, 40), 0.3)
    for matched, whole in (
        (match_lightness_in_strips(plain, content, "oklab"), match_lightness(plain, content)),
        (match_colours_in_strips(plain, content, "pca", None), match_colours(plain, content)),
    ):
        torch.testing.assert_close(matched, whole, atol=2e-6, rtol=0)


def test_moments_against_torch(pictures):
    _, content, weights = pictures
    mean, covariance = moments_in_strips(content, weights)
    values = content.double().flatten(2)[0]
    shares = weights.double().flatten()
    torch.testing.assert_close(mean, (values * shares).sum(1) / shares.sum())
    torch.testing.assert_close(covariance, torch.cov(values, correction=0, aweights=shares))


def test_small_pictures_keep_every_bit():
    style, content = smooth_picture(64, 48, seed=1), smooth_picture(50, 60, seed=2)
    assert match_colours_in_strips(style, content, "pca", None).equal(match_colours(style, content))
    assert match_lightness_in_strips(style, content, "yiq").equal(
        match_lightness(style, content, "yiq")
    )

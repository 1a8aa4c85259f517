"""Lightness of one picture with the chroma of another, within the gamut of sRGB."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from helpers.pixels import CUBE, picture_of, pixel, quick, random_picture
from impasto.colour import matching, spaces
from impasto.colour.spaces import SPACES


@pytest.mark.parametrize("space", SPACES)
def test_keep_chroma_combines_lightness_and_chroma(space):
    """Pale colours of medium lightness, which are all in the gamut."""
    painted, content = (0.45 + 0.1 * random_picture(seed) for seed in (1, 2))
    colours = SPACES[space].to(matching.keep_chroma(painted, content, space))
    expected = SPACES[space].to(painted)[:, :1], SPACES[space].to(content)[:, 1:]
    torch.testing.assert_close(colours, torch.cat(expected, dim=1), rtol=0, atol=1e-10)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_picture_combined_with_itself_is_unchanged(space, dtype):
    picture = torch.cat([random_picture(5, (1, 40), dtype=dtype), CUBE.to(dtype)], dim=-1)
    kept = matching.keep_chroma(picture, picture, space)
    torch.testing.assert_close(kept, picture, rtol=0, atol=5e-6)
    assert kept.dtype == dtype


@pytest.mark.parametrize("space", SPACES)
@quick
@given(seed=st.integers(0, 2**31))
def test_fit_gamut_preserves_lightness_and_hue(space, seed):
    random = torch.Generator().manual_seed(seed)
    white = SPACES[space].white
    colours = torch.rand(2, 3, 4, 5, generator=random, dtype=torch.float64)
    colours = white * (torch.tensor([0.9, 1, 1]).view(3, 1, 1) * colours + 0.05)
    colours[:, 1:] -= 0.55 * white
    picture = spaces.fit_gamut(colours, space)
    assert 0 <= picture.min() <= picture.max() <= 1
    fitted = SPACES[space].to(picture)
    torch.testing.assert_close(fitted[:, 0], colours[:, 0], rtol=0, atol=1e-4 * white)
    # One factor for both, at most one.
    (a, b), (c, d) = colours[:, 1:].unbind(1), fitted[:, 1:].unbind(1)
    assert (a * d - b * c).abs().max() < 1e-4 * white**2
    assert (torch.hypot(c, d) <= torch.hypot(a, b) + 1e-4 * white).all()


@pytest.mark.parametrize("space", SPACES)
def test_fit_gamut_removes_no_more_chroma_than_needed(space):
    """Colours outside the gamut end on its surface."""
    colours = SPACES[space].to(pixel(0.9, 0.2, 0.1)) * torch.tensor([1, 3, 3]).view(1, 3, 1, 1)
    fitted = spaces.fit_gamut(colours, space)
    assert min(fitted.min().item(), 1 - fitted.max().item()) < 2e-3


@pytest.mark.parametrize("space", SPACES)
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([torch.float32, torch.float64]))
def test_results_are_in_the_gamut(space, seed, dtype):
    random = torch.Generator().manual_seed(seed)
    wild = 3 * torch.randn(1, 3, 6, 6, generator=random, dtype=dtype)
    content = torch.rand(1, 3, 6, 6, generator=random, dtype=dtype).round()
    for picture in (
        matching.keep_chroma(wild, content, space),
        matching.keep_chroma(wild, content, space, match=True),
        spaces.fit_gamut(100 * wild, space),
        spaces.lightness_picture(wild, space),
        matching.match_lightness(wild, content, space),
    ):
        assert picture.dtype == dtype
        assert 0 <= picture.min() <= picture.max() <= 1


@pytest.mark.parametrize("space", SPACES)
def test_black_and_white_are_preserved(space):
    content = pixel(0.9, 0.1, 0.2).expand(1, 3, 1, 2)
    painted = picture_of([(0, 0, 0), (1, 1, 1)])
    torch.testing.assert_close(
        matching.keep_chroma(painted, content, space), painted, rtol=0, atol=2e-4
    )


@pytest.mark.parametrize("space", SPACES)
def test_keep_chroma_gradient(space):
    painted, content = (0.45 + 0.1 * random_picture(seed, (2, 2)) for seed in (1, 2))
    assert gradcheck(
        lambda x, y: matching.keep_chroma(x, y, space, match=True),
        (painted.requires_grad_(), content.requires_grad_()),
    )


@pytest.mark.parametrize("space", SPACES)
def test_lightness_picture_is_grey_with_the_same_lightness(space):
    picture = torch.cat([random_picture(6, (1, 30)), CUBE], dim=-1)
    grey = spaces.lightness_picture(picture, space)
    assert (grey - grey[:, :1]).abs().max() < 1e-6
    expected = SPACES[space].to(picture)[:, 0]
    torch.testing.assert_close(
        SPACES[space].to(grey)[:, 0], expected, rtol=0, atol=1e-6 * SPACES[space].white
    )
    torch.testing.assert_close(spaces.lightness_picture(grey, space), grey, rtol=0, atol=1e-6)


@pytest.mark.parametrize("space", SPACES)
def test_matched_lightness_has_the_moments_of_the_content(space):
    style, content = 0.3 + 0.2 * random_picture(1, (9, 7)), 0.3 + 0.4 * random_picture(2)
    to = SPACES[space].to
    matched = to(matching.match_lightness(style, content, space))[0, 0].numpy()
    target, source = to(content)[0, 0].numpy(), to(style)[0, 0].numpy()
    assert matched.mean() == pytest.approx(target.mean(), rel=1e-6)
    assert matched.std() == pytest.approx(target.std(), rel=1e-6)
    # A shift and a scale: nothing else has changed.
    assert np.corrcoef(matched.ravel(), source.ravel())[0, 1] == pytest.approx(1)


@pytest.mark.parametrize("space", SPACES)
def test_keep_chroma_with_matched_lightness(space):
    painted, content = 0.4 + 0.1 * random_picture(1), 0.4 + 0.2 * random_picture(2)
    kept = SPACES[space].to(matching.keep_chroma(painted, content, space, match=True))[0, 0]
    target = SPACES[space].to(content)[0, 0]
    assert kept.mean().item() == pytest.approx(target.mean().item(), rel=1e-4)
    assert kept.std().item() == pytest.approx(target.std().item(), rel=1e-3)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_plain_style_becomes_the_mean_of_the_content(space, dtype):
    plain = torch.full((1, 3, 7, 9), 0.3, dtype=dtype)
    content = random_picture(2, dtype=dtype)
    matched = matching.match_lightness(plain, content, space)
    mean = SPACES[space].to(content)[:, 0].mean().item()
    got = SPACES[space].to(matched)[:, 0]
    torch.testing.assert_close(
        got, torch.full_like(got, mean), rtol=0, atol=1e-3 * SPACES[space].white
    )
    # And a plain content makes the style as good as plain.
    flat = matching.match_lightness(content, plain, space)
    torch.testing.assert_close(flat, torch.full_like(flat, 0.3), rtol=0, atol=1e-3)


def test_content_broadcasts_over_a_batch_of_lightness():
    styles, content = random_picture(1, batch=2), random_picture(2, (5, 6))
    both = matching.match_lightness(styles, content)
    for b in range(2):
        torch.testing.assert_close(
            both[b : b + 1], matching.match_lightness(styles[b : b + 1], content)
        )

"""Colour modes in strips give the same picture as on the whole."""

import pytest
import torch

from helpers.random_inputs import smooth_picture
from impasto.colour import modes
from impasto.colour.matching import keep_chroma
from impasto.colour.modes import COLOUR_MODES, apply_in_strips
from impasto.colour.spaces import lightness_picture


@pytest.fixture
def small_strips(monkeypatch):
    """Strips of a few rows; the number of pixels of each is recorded."""
    monkeypatch.setattr(modes, "_STRIP_PIXELS", 400)
    sizes = []

    def keep(painted, content, space):
        sizes.append(painted.shape[-2] * painted.shape[-1])
        return keep_chroma(painted, content, space)

    monkeypatch.setattr(modes, "keep_chroma", keep)
    return sizes


@pytest.mark.parametrize("mode", ["content", "luminance"])
def test_strips_equal_the_whole(small_strips, mode):
    painted, content = smooth_picture(45, 60, seed=1), smooth_picture(45, 60, seed=2)
    result = COLOUR_MODES[mode].result(painted, content, "oklab")
    assert len(small_strips) > 2
    assert max(small_strips) <= 400
    torch.testing.assert_close(result, keep_chroma(painted, content, "oklab"), rtol=0, atol=1e-6)


def test_grey_content_in_strips(small_strips):
    content = smooth_picture(45, 60, seed=2)
    result = COLOUR_MODES["luminance"].content(content, "cielab")
    torch.testing.assert_close(result, lightness_picture(content, "cielab"), rtol=0, atol=1e-6)


def test_row_wider_than_a_strip(small_strips):
    wide = smooth_picture(4, 900, seed=1)
    result = apply_in_strips(lightness_picture, "oklab", wide)
    torch.testing.assert_close(result, lightness_picture(wide), rtol=0, atol=1e-6)


def test_uint8_stays_uint8(small_strips):
    painted, content = smooth_picture(45, 60, seed=1), smooth_picture(45, 60, seed=2)
    rounded = (painted * 255).round().to(torch.uint8)
    result = COLOUR_MODES["content"].result(rounded, content, "oklab")
    assert result.dtype == torch.uint8
    expected = keep_chroma(rounded.float() / 255, content, "oklab")
    torch.testing.assert_close(result.float() / 255, expected, rtol=0, atol=0.51 / 255)

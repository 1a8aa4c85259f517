"""Colours that are kept, strip by strip: any size in little memory, to the same picture."""

import pytest
import torch

from helpers.random_inputs import smooth_picture
from impasto.colour import modes
from impasto.colour.matching import keep_chroma
from impasto.colour.modes import COLOUR_MODES, in_strips
from impasto.colour.spaces import lightness_picture


@pytest.fixture
def narrow(monkeypatch):
    """Strips of a few rows, and how many pixels each had."""
    monkeypatch.setattr(modes, "_STRIP", 400)
    seen = []

    def keep(painted, content, space):
        seen.append(painted.shape[-2] * painted.shape[-1])
        return keep_chroma(painted, content, space)

    monkeypatch.setattr(modes, "keep_chroma", keep)
    return seen


@pytest.mark.parametrize("mode", ["content", "luminance"])
def test_strips_are_the_whole(narrow, mode):
    painted, content = smooth_picture(45, 60, seed=1), smooth_picture(45, 60, seed=2)
    found = COLOUR_MODES[mode].result(painted, content, "oklab")
    assert len(narrow) > 2
    assert max(narrow) <= 400
    torch.testing.assert_close(found, keep_chroma(painted, content, "oklab"), rtol=0, atol=1e-6)


def test_a_content_in_greys(narrow):
    content = smooth_picture(45, 60, seed=2)
    found = COLOUR_MODES["luminance"].content(content, "cielab")
    torch.testing.assert_close(found, lightness_picture(content, "cielab"), rtol=0, atol=1e-6)


def test_a_row_wider_than_a_strip_is_done_at_once(narrow):
    wide = smooth_picture(4, 900, seed=1)
    found = in_strips(lightness_picture, "oklab", wide)
    torch.testing.assert_close(found, lightness_picture(wide), rtol=0, atol=1e-6)


def test_bytes_come_out_as_bytes(narrow):
    painted, content = smooth_picture(45, 60, seed=1), smooth_picture(45, 60, seed=2)
    rounded = (painted * 255).round().to(torch.uint8)
    found = COLOUR_MODES["content"].result(rounded, content, "oklab")
    assert found.dtype == torch.uint8
    expected = keep_chroma(rounded.float() / 255, content, "oklab")
    torch.testing.assert_close(found.float() / 255, expected, rtol=0, atol=0.51 / 255)

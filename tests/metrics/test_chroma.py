"""Chroma of known colours, and black-and-white styles."""

import math

import pytest
import torch

from helpers.metric_inputs import noise, plain
from impasto.metrics.chroma import BLACK_AND_WHITE, chroma_excess, mean_chroma


def test_chroma_of_plain_colours():
    for colour, expected in (((0.4, 0.4, 0.4), 0), ((1, 0, 0), 255), ((0.2, 0.5, 0.3), 0.3 * 255)):
        assert mean_chroma(plain(colour)).item() == pytest.approx(expected)


def test_chroma_is_a_mean_over_the_pixels_by_python():
    picture = noise(1, 2, 3, 5, 7)
    for one, found in zip(picture, mean_chroma(picture), strict=True):
        pixels = one.flatten(1).T.tolist()
        expected = 255 * sum(max(pixel) - min(pixel) for pixel in pixels) / len(pixels)
        assert found.item() == pytest.approx(expected)
    torch.testing.assert_close(mean_chroma(1 - picture), mean_chroma(picture))
    torch.testing.assert_close(mean_chroma(picture.flip(1)), mean_chroma(picture))


def test_excess_is_only_for_black_and_white_styles():
    grey, yellowed = plain((0.5, 0.5, 0.5)), plain((0.53, 0.51, 0.48))
    red = plain((0.8, 0.2, 0.1))
    assert chroma_excess(grey, grey).item() == 0
    assert chroma_excess(red, grey).item() == pytest.approx(0.7 * 255)
    assert chroma_excess(grey, yellowed).item() == pytest.approx(-0.05 * 255)
    assert mean_chroma(yellowed).item() < BLACK_AND_WHITE
    assert math.isnan(chroma_excess(grey, red).item())
    both = chroma_excess(torch.cat([red, red]), torch.cat([grey, red]))
    assert both.isnan().tolist() == [False, True]

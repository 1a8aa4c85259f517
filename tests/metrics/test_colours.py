"""Colour distances against independent implementations and closed forms."""

import math

import numpy as np
import pytest
import scipy.spatial
import scipy.special
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.metric_inputs import noise, pictures, plain, some
from impasto.colour.spaces import to_oklab
from impasto.losses.sliced import sliced_distance, sliced_summary
from impasto.metrics.colours import colour_distance, histogram_distance


@some
@given(st.integers(0, 10**6))
def test_colour_distance_is_the_sliced_style_distance(seed):
    one, other = noise(seed, 1, 3, 17, 23), noise(seed + 1, 1, 3, 11, 40) ** 2
    summaries = (sliced_summary(to_oklab(picture), None) for picture in (one, other))
    expected = sliced_distance(*summaries).sqrt()
    torch.testing.assert_close(colour_distance(one, other), expected, rtol=1e-6, atol=1e-9)


def test_colour_distance_of_a_shift_is_its_length():
    black, white = plain((0, 0, 0)), plain((1, 1, 1))
    assert colour_distance(black, white).item() == pytest.approx(1, abs=1e-6)
    one, other = plain((0.8, 0.2, 0.1)), plain((0.3, 0.4, 0.9))
    expected = (to_oklab(one) - to_oklab(other))[0, :, 0, 0].norm().item()
    assert colour_distance(one, other).item() == pytest.approx(expected)


def test_colour_distance_is_at_most_the_transport_of_all_colours():
    one, other = noise(1, 1, 3, 8, 8), noise(2, 1, 3, 8, 8) * 0.6
    points = [to_oklab(x).flatten(2)[0].T.numpy() for x in (one, other)]
    costs = scipy.spatial.distance.cdist(*points, "sqeuclidean")
    best = costs[scipy.optimize.linear_sum_assignment(costs)].mean() ** 0.5
    found = colour_distance(one, other).item()
    assert 0.8 * best < found <= best + 1e-9


def test_histogram_distance_matches_numpy():
    one, other = pictures(3)
    shares = []
    for picture in (one, other):
        points = to_oklab(picture).flatten(2)[0].T.numpy()
        counts, _ = np.histogramdd(points, bins=16, range=[(0, 1), (-0.4, 0.4), (-0.4, 0.4)])
        shares.append(counts / len(points))
    expected = math.sqrt(max(0, 1 - np.sqrt(shares[0] * shares[1]).sum()))
    assert histogram_distance(one, other).item() == pytest.approx(expected, abs=1e-7)
    assert histogram_distance(plain((0, 0, 0)), plain((1, 1, 1))).item() == 1


def test_position_and_size_do_not_matter():
    one, other = pictures(5)
    turned = other.mT.flip(-1)
    for function in (colour_distance, histogram_distance):
        torch.testing.assert_close(function(one, turned), function(one, other))
        tiled = other.repeat(1, 1, 2, 1)
        torch.testing.assert_close(function(one, tiled), function(one, other), rtol=1e-3, atol=1e-6)

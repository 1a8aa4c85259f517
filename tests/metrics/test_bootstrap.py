"""Bootstrap intervals against SciPy and closed forms."""

import math

import numpy as np
import pytest
import scipy.spatial
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from helpers.metric_inputs import some
from impasto.metrics.bootstrap import bootstrap_mean


def test_bootstrap_matches_scipy():
    values = np.random.default_rng(1).gamma(2.0, size=25)
    found = bootstrap_mean(values)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20000, rng=np.random.default_rng(2)
    ).confidence_interval
    spread = theirs.high - theirs.low
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(theirs.low, abs=0.05 * spread)
    assert found.high == pytest.approx(theirs.high, abs=0.05 * spread)


def test_bootstrap_of_two_values_has_a_closed_form():
    # Means of 2 draws from {0, 1}: 0, ½, 1 with 1/4, 1/2, 1/4.
    assert bootstrap_mean([0, 1]).low == 0
    assert bootstrap_mean([0, 1]).high == 1
    half = bootstrap_mean([0, 1], level=0.4)
    assert (half.low, half.mean, half.high) == (0.5, 0.5, 0.5)


@some
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_bootstrap_is_within_the_values_and_reproducible(values):
    found = bootstrap_mean(values, resamples=200)
    slack = 1e-9 * max(map(abs, values))
    assert min(values) - slack <= found.low <= found.high <= max(values) + slack
    assert found == bootstrap_mean(values, resamples=200)


def test_a_single_value_has_no_interval():
    found = bootstrap_mean([0.3])
    assert found.mean == 0.3
    assert math.isnan(found.low)
    assert math.isnan(found.high)

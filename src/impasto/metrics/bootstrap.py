"""How far a mean over some pictures is to be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
"""The share of such intervals that hold the mean of all pictures there could be."""

_DRAWS_AT_ONCE = 10**6


@dataclass(frozen=True)
class Interval:
    """A mean and the interval it may well lie in; the ends are NaN for a single value."""

    mean: float
    low: float
    high: float


def bootstrap_mean(
    values: Sequence[float], *, level: float = LEVEL, resamples: int = 4000, seed: int = 0
) -> Interval:
    """The mean, and its percentile bootstrap interval: Efron 1979.

    The values are drawn again and again with replacement, as many as there are, and the interval
    holds the middle ``level`` of the means. With fewer than about ten values it is too narrow.

    Args:
        values: At least one, finite.
        level: Above 0 and below 1.
        resamples: How many times to draw.
        seed: Of the draws: the same values give the same interval.
    """
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) == 1:
        return Interval(float(sample[0]), math.nan, math.nan)
    random = np.random.default_rng(seed)
    at_once = max(1, _DRAWS_AT_ONCE // len(sample))
    counts = [min(at_once, resamples - start) for start in range(0, resamples, at_once)]
    draws = (random.integers(len(sample), size=(count, len(sample))) for count in counts)
    means = np.concatenate([sample[draw].mean(1) for draw in draws])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(sample.mean()), float(low), float(high))

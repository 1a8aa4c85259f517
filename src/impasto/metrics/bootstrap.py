"""Confidence intervals of means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
"""Default confidence level of an interval."""

_INDICES_PER_CHUNK = 10**6


@dataclass(frozen=True)
class Interval:
    """A mean and its confidence interval; the ends are NaN if there is none."""

    mean: float
    low: float
    high: float


def bootstrap_mean(
    values: Sequence[float], *, level: float = CONFIDENCE, resamples: int = 4000, seed: int = 0
) -> Interval:
    """The mean of a sample and its percentile bootstrap interval (Efron 1979).

    The interval holds the middle ``level`` of the means of resamples, each of the sample's size and
    drawn with replacement. With fewer than about ten values it is too narrow.

    Args:
        values: At least one, finite.
        level: Confidence level, in (0, 1).
        resamples: Number of resamples.
        seed: Of the resampling; the same values give the same interval.

    Returns:
        NaN ends for a single value.
    """
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) == 1:
        return Interval(float(sample[0]), math.nan, math.nan)
    random = np.random.default_rng(seed)
    chunk = max(1, _INDICES_PER_CHUNK // len(sample))
    counts = [min(chunk, resamples - start) for start in range(0, resamples, chunk)]
    indices = (random.integers(len(sample), size=(count, len(sample))) for count in counts)
    means = np.concatenate([sample[index].mean(1) for index in indices])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(sample.mean()), float(low), float(high))

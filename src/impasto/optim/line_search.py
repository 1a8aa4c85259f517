"""A line search for the strong Wolfe conditions.

Nocedal & Wright 2006, "Numerical Optimization", algorithms 3.5 and 3.6.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

DECREASE = 1e-4
"""Least decrease of the loss, as a share of what the slope at the start predicts (c₁)."""

CURVATURE = 0.9
"""Largest slope at the end, as a share of that at the start (c₂); large for quasi-Newton steps."""


@dataclass(frozen=True)
class Trial:
    """A point along the search direction.

    Attributes:
        length: Distance from the start, in units of the direction.
        loss: The loss there.
        slope: Derivative of the loss along the direction.
    """

    length: float
    loss: float
    slope: float


def strong_wolfe(
    evaluate: Callable[[float], Trial], start: Trial, length: float, *, max_trials: int
) -> Trial:
    """A trial that satisfies both conditions, or the best one after ``max_trials``.

    Args:
        evaluate: Length → trial. Where the loss is not finite it must return a high one.
        start: Of length 0, with a negative slope.
        length: Of the first trial.
        max_trials: Most evaluations.

    Returns:
        The last trial if it satisfies both conditions, else the lowest: ``start`` if none was
        lower.
    """
    previous = start
    for count in range(1, max_trials + 1):
        trial = evaluate(length)
        if _too_high(trial, start) or (count > 1 and trial.loss >= previous.loss):
            return _zoom(evaluate, start, previous, trial, max_trials - count)
        if _flat_enough(trial, start):
            return trial
        if trial.slope >= 0:
            return _zoom(evaluate, start, trial, previous, max_trials - count)
        # Still descending steeply: go to the minimum of the cubic, at most ten times as far.
        shortest = trial.length + 0.01 * (trial.length - previous.length)
        length = _cubic_minimum(previous, trial, shortest, 10 * trial.length)
        previous = trial
    return previous


def _zoom(
    evaluate: Callable[[float], Trial], start: Trial, low: Trial, high: Trial, max_trials: int
) -> Trial:
    """Search between the lowest trial so far and one beyond an acceptable point."""
    for _ in range(max_trials):
        left, right = sorted((low.length, high.length))
        margin = 0.1 * (right - left)
        # Trials closer than this differ by rounding only.
        if right - left <= 1e-9 * max(right, 1e-30):
            break
        trial = evaluate(_cubic_minimum(low, high, left + margin, right - margin))
        if _too_high(trial, start) or trial.loss >= low.loss:
            high = trial
            continue
        if _flat_enough(trial, start):
            return trial
        if trial.slope * (high.length - low.length) >= 0:
            high = low
        low = trial
    return low


def _too_high(trial: Trial, start: Trial) -> bool:
    return not trial.loss <= start.loss + DECREASE * trial.length * start.slope


def _flat_enough(trial: Trial, start: Trial) -> bool:
    return abs(trial.slope) <= -CURVATURE * start.slope


def _cubic_minimum(a: Trial, b: Trial, shortest: float, longest: float) -> float:
    """The minimum of the cubic through two trials with their slopes, clamped to the bounds.

    The middle of the bounds if it has no minimum (Nocedal & Wright, equation 3.59).
    """
    if a.length > b.length:
        a, b = b, a
    span = b.length - a.length
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.length - b.length)
    square = d1**2 - a.slope * b.slope
    if not (square >= 0 and math.isfinite(square)):
        return (shortest + longest) / 2
    d2 = math.sqrt(square)
    denominator = b.slope - a.slope + 2 * d2
    if denominator == 0:
        return (shortest + longest) / 2
    minimum = b.length - span * (b.slope + d2 - d1) / denominator
    return min(max(minimum, shortest), longest)

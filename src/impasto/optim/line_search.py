"""How far to go along a direction: a line search for the strong Wolfe conditions.

Nocedal & Wright 2006, "Numerical Optimization", algorithms 3.5 and 3.6.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

DECREASE = 1e-4
"""Share of the decrease that the steepness at the start promises, asked of every step."""

CURVATURE = 0.9
"""Share of the steepness at the start that may be left: low demands, as suit quasi-Newton steps."""


@dataclass(frozen=True)
class Trial:
    """A place along the direction: how far, the loss there, and its steepness along the line."""

    length: float
    loss: float
    steepness: float


def strong_wolfe(
    evaluate: Callable[[float], Trial], start: Trial, length: float, *, most: int
) -> Trial:
    """A trial that decreases the loss enough and is flat enough, or the best found in the end.

    Args:
        evaluate: Length → trial. Where the loss is not finite it returns a high one.
        start: Of length 0, with a negative steepness.
        length: To try first.
        most: Trials in all.

    Returns:
        The last trial if it fulfils both conditions, else the lowest found: ``start`` if none was
        lower.
    """
    before = start
    for count in range(1, most + 1):
        now = evaluate(length)
        if _too_high(now, start) or (count > 1 and now.loss >= before.loss):
            return _zoom(evaluate, start, before, now, most - count)
        if _is_flat(now, start):
            return now
        if now.steepness >= 0:
            return _zoom(evaluate, start, now, before, most - count)
        # Still going down steeply: on, by what the cubic through both says, up to tenfold.
        least = now.length + 0.01 * (now.length - before.length)
        length = _cubic(before, now, least, 10 * now.length)
        before = now
    return before


def _zoom(
    evaluate: Callable[[float], Trial], start: Trial, low: Trial, high: Trial, most: int
) -> Trial:
    """Between the lowest trial so far and one beyond a good place."""
    for _ in range(most):
        left, right = sorted((low.length, high.length))
        margin = 0.1 * (right - left)
        # So near each other rounding tells no two trials apart.
        if right - left <= 1e-9 * max(right, 1e-30):
            break
        now = evaluate(_cubic(low, high, left + margin, right - margin))
        if _too_high(now, start) or now.loss >= low.loss:
            high = now
            continue
        if _is_flat(now, start):
            return now
        if now.steepness * (high.length - low.length) >= 0:
            high = low
        low = now
    return low


def _too_high(now: Trial, start: Trial) -> bool:
    return not now.loss <= start.loss + DECREASE * now.length * start.steepness


def _is_flat(now: Trial, start: Trial) -> bool:
    return abs(now.steepness) <= -CURVATURE * start.steepness


def _cubic(one: Trial, other: Trial, least: float, greatest: float) -> float:
    """Where the cubic with the losses and steepnesses of two trials is lowest, within bounds.

    The middle of the bounds where it has no lowest place (Nocedal & Wright, equation 3.59).
    """
    if one.length > other.length:
        one, other = other, one
    span = other.length - one.length
    bend = (
        one.steepness + other.steepness - 3 * (one.loss - other.loss) / (one.length - other.length)
    )
    square = bend**2 - one.steepness * other.steepness
    if not (square >= 0 and math.isfinite(square)):
        return (least + greatest) / 2
    root = math.sqrt(square)
    below = other.steepness - one.steepness + 2 * root
    if below == 0:
        return (least + greatest) / 2
    place = other.length - span * (other.steepness + root - bend) / below
    return min(max(place, least), greatest)

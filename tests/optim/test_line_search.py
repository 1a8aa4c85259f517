"""The line search returns trials that satisfy the strong Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impasto.optim.line_search import CURVATURE, DECREASE, Trial, strong_wolfe


def along(loss: Callable[[float], float], slope: Callable[[float], float]):
    lengths: list[float] = []

    def evaluate(length: float) -> Trial:
        lengths.append(length)
        return Trial(length, loss(length), slope(length))

    return evaluate, lengths


def satisfies(trial: Trial, start: Trial) -> bool:
    low = trial.loss <= start.loss + DECREASE * trial.length * start.slope
    return low and abs(trial.slope) <= CURVATURE * abs(start.slope)


@given(st.floats(1e-3, 1e3), st.floats(1e-4, 1e4), st.floats(1e-2, 1e2))
def test_parabolas_of_any_width(lowest, first, height):
    evaluate, lengths = along(
        lambda t: height * (t / lowest - 1) ** 2, lambda t: 2 * height * (t / lowest - 1) / lowest
    )
    start = evaluate(0.0)
    trial = strong_wolfe(evaluate, start, first, max_trials=25)
    assert satisfies(trial, start)
    assert len(lengths) <= 26


@given(st.floats(0.05, 20))
def test_barrier_makes_it_backtrack(barrier):
    """Beyond the barrier the loss is high and its slope is zero."""
    evaluate, _ = along(
        lambda t: -t if t < barrier else 1e6, lambda t: -1.0 if t < barrier else 0.0
    )
    start = Trial(0.0, 0.0, -1.0)
    trial = strong_wolfe(evaluate, start, 1.0, max_trials=30)
    assert 0 < trial.length < barrier
    assert trial.loss < 0


def test_oscillating_loss():
    def loss(t: float) -> float:
        return (t - 3) ** 2 / 9 + 0.1 * math.sin(9 * t)

    def slope(t: float) -> float:
        return 2 * (t - 3) / 9 + 0.9 * math.cos(9 * t)

    down = next(t / 100 for t in range(100) if slope(t / 100) < -0.5)
    shifted, _ = along(lambda t: loss(down + t), lambda t: slope(down + t))
    start = Trial(0.0, loss(down), slope(down))
    assert satisfies(strong_wolfe(shifted, start, 1.0, max_trials=25), start)


def test_good_first_length_costs_one_evaluation():
    evaluate, lengths = along(lambda t: (t - 1) ** 2, lambda t: 2 * (t - 1))
    strong_wolfe(evaluate, Trial(0.0, 1.0, -2.0), 1.0, max_trials=10)
    assert lengths == [1.0]


@pytest.mark.parametrize("value", [math.inf, math.nan, 2.0])
def test_start_is_returned_if_nothing_is_lower(value):
    evaluate, lengths = along(lambda t: value, lambda t: 0.0)
    start = Trial(0.0, 1.0, -1.0)
    assert strong_wolfe(evaluate, start, 1.0, max_trials=10) is start
    assert len(lengths) <= 10

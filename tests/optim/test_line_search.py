"""The line search: what it returns fulfils the strong Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impasto.optim.line_search import CURVATURE, DECREASE, Trial, strong_wolfe


def along(loss: Callable[[float], float], slope: Callable[[float], float]):
    asked: list[float] = []

    def evaluate(length: float) -> Trial:
        asked.append(length)
        return Trial(length, loss(length), slope(length))

    return evaluate, asked


def fulfils(found: Trial, start: Trial) -> bool:
    low = found.loss <= start.loss + DECREASE * found.length * start.steepness
    return low and abs(found.steepness) <= CURVATURE * abs(start.steepness)


@given(st.floats(1e-3, 1e3), st.floats(1e-4, 1e4), st.floats(1e-2, 1e2))
def test_parabolas_of_any_width(lowest, first, height):
    evaluate, asked = along(
        lambda t: height * (t / lowest - 1) ** 2, lambda t: 2 * height * (t / lowest - 1) / lowest
    )
    start = evaluate(0.0)
    found = strong_wolfe(evaluate, start, first, most=25)
    assert fulfils(found, start)
    assert len(asked) <= 26


@given(st.floats(0.05, 20))
def test_a_wall_turns_it_back(wall):
    """Beyond the wall the loss is high and says nothing of its slope."""
    evaluate, _ = along(lambda t: -t if t < wall else 1e6, lambda t: -1.0 if t < wall else 0.0)
    start = Trial(0.0, 0.0, -1.0)
    found = strong_wolfe(evaluate, start, 1.0, most=30)
    assert 0 < found.length < wall
    assert found.loss < 0


def test_wiggles():
    def loss(t: float) -> float:
        return (t - 3) ** 2 / 9 + 0.1 * math.sin(9 * t)

    def slope(t: float) -> float:
        return 2 * (t - 3) / 9 + 0.9 * math.cos(9 * t)

    down = next(t / 100 for t in range(100) if slope(t / 100) < -0.5)
    shifted, _ = along(lambda t: loss(down + t), lambda t: slope(down + t))
    start = Trial(0.0, loss(down), slope(down))
    assert fulfils(strong_wolfe(shifted, start, 1.0, most=25), start)


def test_a_good_first_guess_costs_one_evaluation():
    evaluate, asked = along(lambda t: (t - 1) ** 2, lambda t: 2 * (t - 1))
    strong_wolfe(evaluate, Trial(0.0, 1.0, -2.0), 1.0, most=10)
    assert asked == [1.0]


@pytest.mark.parametrize("value", [math.inf, math.nan, 2.0])
def test_where_nothing_is_lower_it_stays(value):
    evaluate, asked = along(lambda t: value, lambda t: 0.0)
    start = Trial(0.0, 1.0, -1.0)
    assert strong_wolfe(evaluate, start, 1.0, most=10) is start
    assert len(asked) <= 10

"""The size that holds a pace, and the pace."""

from __future__ import annotations

import itertools

import pytest

from impasto.live.pace import SIDES, Pace, choose_side


@pytest.mark.parametrize(("fps", "expected"), [(1e-9, 1280), (20, 384), (60, 192), (1e9, SIDES[0])])
def test_the_largest_size_is_chosen_that_holds(fps, expected):
    tried = []

    def seconds_of(size):
        tried.append(size)
        return 0.002 + 4.4e-7 * size[0] * size[1]

    assert choose_side((720, 1280), seconds_of, fps=fps) == expected
    assert tried == sorted(tried)


def test_no_size_is_tried_that_is_far_too_slow():
    tried = []

    def seconds_of(size):
        tried.append(max(size))
        return 1e-6 * size[0] * size[1]

    chosen = choose_side((1080, 1920), seconds_of, fps=20)
    assert max(tried) <= SIDES[SIDES.index(chosen) + 1]


def test_a_source_is_not_enlarged_and_its_own_size_is_tried():
    assert choose_side((120, 200), lambda size: 0.0, fps=20) == 200


def test_sides_too_small_for_a_network_are_left_out():
    tried = []

    def seconds_of(size):
        tried.append(min(size))
        return 1.0

    assert choose_side((100, 1600), seconds_of, fps=20, least=17) == 288
    assert min(tried) >= 17


def test_the_pace_is_that_of_the_last_frames():
    times = itertools.chain((n * 0.5 for n in range(30)), (15 + n * 0.1 for n in range(100)))
    pace = Pace(lambda: next(times))
    assert pace.fps == 0
    for _ in range(25):
        pace.count()
    assert pace.is_known
    assert pace.fps == pytest.approx(2)
    for _ in range(40):
        pace.count()
    assert pace.fps == pytest.approx(10)
    pace.restart()
    assert not pace.is_known

"""Speeds: curves through measured sizes, and the file in the cache that keeps them."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impasto.painting.speed import FILE_NAME, Curve, Speed, kind_of, load_speed, save_speed

SPEED = Speed(Curve({100.0: 1.0, 400.0: 2.5}), Curve({100.0: 0.25}), 0.125)


def test_a_curve_is_linear_between_its_points_and_beyond():
    curve = Curve({100: 2.0, 200: 3.0, 400: 7.0})
    assert [curve(x) for x in (100, 150, 200, 300, 400)] == [2, 2.5, 3, 5, 7]
    assert curve(800) == 7 + 7  # the last slope, 0.02, is more than proportional: no steeper
    assert curve(50) == pytest.approx(1.5)


def test_one_point_is_proportional():
    assert Curve({100: 2.0})(300) == 6


def test_noise_never_makes_larger_pictures_free():
    assert Curve({100: 2.0, 200: 1.0})(2000) == pytest.approx(1 + 0.3 * 1 / 200 * 1800)


@given(st.dictionaries(st.floats(10, 1e9), st.floats(0, 1e6), min_size=1, max_size=5),
       st.floats(1, 1e10))  # fmt: skip
def test_a_curve_is_never_negative(points, pixels):
    assert Curve(points)(pixels) >= 0


def test_of_two_measurements_of_a_size_the_faster_counts_more():
    assert Curve({100.0: 2.0}).updated(101.0, 1.0).points == {101.0: 1.0}
    assert Curve({100.0: 1.0}).updated(99.0, 2.0).points == {99.0: pytest.approx(1.3)}
    assert Curve({100.0: 1.0}).updated(200.0, 2.0).points == {100.0: 1.0, 200.0: 2.0}


def test_speeds_are_kept_in_the_cache(cache):
    assert load_speed("a") == Speed()
    save_speed("a", SPEED)
    save_speed("b", Speed(probe=2.0))
    assert load_speed("a") == SPEED
    assert load_speed("b") == Speed(probe=2.0)
    assert os.listdir(cache) == [FILE_NAME]


def test_only_the_last_kinds_are_kept(cache):
    for number in range(130):
        save_speed(str(number), SPEED)
    assert len(json.loads((cache / FILE_NAME).read_text())) == 100
    assert load_speed("29") == Speed()
    assert load_speed("129") == SPEED


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", '{"a": 3}', '{"a": {"steps": [[1, 2]], "starts": []}}',
        '{"a": {"steps": [[0, 2]], "starts": [], "probe": 1}}',
        '{"a": {"steps": [[1, NaN]], "starts": [], "probe": 1}}',
        '{"a": {"steps": [["x", 2]], "starts": [], "probe": 1}}',
        '{"a": {"steps": [[1, -2]], "starts": [], "probe": 1}}', "\x00\xff",
    ],
)  # fmt: skip
def test_a_damaged_file_counts_as_none_and_is_replaced(cache, text):
    cache.mkdir()
    (cache / FILE_NAME).write_text(text, encoding="latin-1")
    assert load_speed("a") == Speed()
    save_speed("a", SPEED)
    assert load_speed("a") == SPEED


def test_without_a_cache_that_can_be_written_nothing_happens(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "file" / "cache"))
    save_speed("a", SPEED)
    assert load_speed("a") == Speed()


def test_a_kind_depends_on_the_machine_and_its_threads(monkeypatch):
    import torch

    before = kind_of({"style": 1})
    assert before == kind_of({"style": 1}) != kind_of({"style": 2})
    threads = torch.get_num_threads() + 1
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert kind_of({"style": 1}) != before

"""The time left of a painting, from recorded step times of several recipes."""

import json
from itertools import accumulate
from pathlib import Path

import pytest

from impasto.painting.pace import Forecast, Pace, unmeasured_forecast
from impasto.painting.pyramid import Stage
from impasto.painting.speed import Curve, Speed

# Recorded by benchmarks/estimates.py --json on one thread, with the forecasts of a first run.
RECORDED = json.loads(Path(__file__).with_name("recorded_steps.json").read_text("utf-8"))


def recording(name):
    """Stages, forecast, and (stage, step, seconds since the start) of every step."""
    record = RECORDED[name]
    stages = [Stage((height, width), steps) for height, width, steps in record["stages"]]
    steps = [
        (stage, step, milliseconds / 1000)
        for stage, times in enumerate(record["milliseconds"])
        for step, milliseconds in enumerate(times, 1)
    ]
    ends = accumulate(seconds for _, _, seconds in steps)
    return stages, Forecast(*map(tuple, record["forecast"])), [
        (stage, step, end) for (stage, step, _), end in zip(steps, ends, strict=True)
    ]  # fmt: skip


def errors(pace, steps, *, slower=1.0):
    """(share of the time, error of the time left relative to it) after every step."""
    total = slower * steps[-1][2]
    result = []
    for stage, step, seconds in steps[:-1]:
        pace.add(stage, step, slower * seconds)
        left = total - slower * seconds
        result.append((slower * seconds / total, abs(pace.seconds_left - left) / left))
    return result


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("slower", [1.0, 3.0])
@pytest.mark.parametrize("is_measured", [True, False])
def test_the_time_left_is_right_after_a_quarter(name, slower, is_measured):
    """Also on a machine that has become busy, and where speeds were never measured."""
    stages, forecast, steps = recording(name)
    pace = Pace(stages, forecast if is_measured else unmeasured_forecast(stages))
    found = errors(pace, steps, slower=slower)
    assert max(error for share, error in found if 0.3 <= share <= 0.75) < 0.2
    # Of the last steps single line searches are a large part: 5 % of the whole at most.
    assert max(error * (1 - share) for share, error in found if share > 0.75) < 0.05
    pace.add(*steps[-1][:2], slower * steps[-1][2])
    assert pace.seconds_left == 0
    assert pace.share == 1


@pytest.mark.parametrize("name", RECORDED)
def test_at_a_quarter_with_measured_speeds(name):
    stages, forecast, steps = recording(name)
    quarter = next(error for share, error in errors(Pace(stages, forecast), steps) if share >= 0.25)
    assert quarter < 0.2


@pytest.mark.parametrize("name", RECORDED)
def test_the_first_estimate_is_within_a_factor_of_one_and_a_half(name):
    stages, forecast, steps = recording(name)
    assert 1 / 1.5 < forecast.seconds(stages) / steps[-1][2] < 1.5


@pytest.mark.parametrize("name", RECORDED)
def test_what_a_run_learns_forecasts_the_same_run(name):
    stages, forecast, steps = recording(name)
    pace = Pace(stages, forecast)
    for step in steps:
        pace.add(*step)
    speed = pace.learned(Speed(), [1.0] * len(stages))
    sizes = [stage.size[0] * stage.size[1] for stage in stages]
    learned = Forecast(tuple(map(speed.steps, sizes)), tuple(map(speed.starts, sizes)))
    assert learned.seconds(stages) == pytest.approx(steps[-1][2], rel=0.01)


STAGES = [Stage((10, 10), 2), Stage((20, 20), 3)]
FORECAST = Forecast((1.0, 4.0), (0.5, 2.0))


def test_the_forecast_from_any_position():
    assert FORECAST.seconds(STAGES) == 0.5 + 2 + 2 + 12
    assert FORECAST.seconds(STAGES, (0, 1)) == 1 + 2 + 12
    assert FORECAST.seconds(STAGES, (1, 0)) == 2 + 12
    assert FORECAST.seconds(STAGES, (1, 2)) == 4
    assert FORECAST.seconds(STAGES, (1, 3)) == 0


def test_shares_follow_the_forecast_and_times_the_steps():
    pace = Pace(STAGES, FORECAST)
    assert (pace.share, pace.seconds_left) == (0, None)
    pace.add(0, 1, 3.0)  # forecast: 1.5
    assert pace.share == pytest.approx(1.5 / 16.5)
    assert pace.seconds_left == pytest.approx(2 * 15)
    pace.add(0, 2, 4.5)  # forecast: 1; the first step of a size no longer counts
    assert pace.seconds_left == pytest.approx(1.5 * 14)


def test_a_resumed_run_counts_only_its_own_steps():
    pace = Pace(STAGES, FORECAST, (1, 1))
    assert pace.share == pytest.approx(8.5 / 16.5)
    pace.add(1, 2, 100.0)  # with what is made again after resuming
    pace.add(1, 3, 104.0)
    assert (pace.share, pace.seconds_left) == (1, 0)
    learned = pace.learned(Speed(), [1.0, 1.0])
    assert not learned.steps.points  # of a single step


def test_tiles_are_not_learned_as_the_speed_of_whole_pictures():
    pace = Pace(STAGES, FORECAST)
    for step, seconds in ((1, 9.0), (2, 13.0), (3, 17.0)):
        pace.add(1, step, seconds)
    assert pace.learned(Speed(), [1.0, 2.0]).steps == Curve({400.0: 2.0})

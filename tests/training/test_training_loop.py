"""Runs: rates, averages, logs, checkpoints and exact resumption."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from helpers.trainings import log_of, same
from impasto.errors import InputDataError
from impasto.training.loop import CHECKPOINT, LOG, MovingAverage, TrainStep, cosine_rate, run


def test_cosine_rate():
    assert cosine_rate(2.0, 0, 1000) == pytest.approx(0.02)
    assert cosine_rate(2.0, 99, 1000) == cosine_rate(2.0, 100, 1000) == pytest.approx(2.0)
    assert cosine_rate(2.0, 550, 1000) == pytest.approx(2.0 * (0.01 + 0.99 / 2))
    assert cosine_rate(2.0, 1000, 1000) == pytest.approx(0.02)
    assert cosine_rate(2.0, 5000, 1000) == pytest.approx(0.02)
    rates = [cosine_rate(1.0, index, 1000) for index in range(1000)]
    assert rates[:100] == sorted(rates[:100])
    assert rates[100:] == sorted(rates[100:], reverse=True)
    assert cosine_rate(1.0, 5, 3, warmup=2) == pytest.approx(0.01)


def test_average_in_closed_form():
    module = nn.Linear(3, 2)
    average, kept, seen = MovingAverage(module, 0.5), [], []
    for step in range(1, 12):  # from step 8 on the decay is less than the warm-up
        kept.append(min(0.5, (1 + step) / (10 + step)))
        nn.init.constant_(module.weight, step**2)
        nn.init.normal_(module.bias)
        average.update()
        seen.append({key: value.clone() for key, value in module.state_dict().items()})
        shares = [(1 - kept[k]) * math.prod(kept[k + 1 :]) for k in range(step)]
        shares = [share / (1 - math.prod(kept)) for share in shares]
        assert math.isclose(sum(shares), 1)
        for key, value in average.weights().items():
            exact = sum(share * weights[key] for share, weights in zip(shares, seen, strict=True))
            torch.testing.assert_close(value, exact)
    other = MovingAverage(nn.Linear(3, 2), 0.5)
    other.load_state_dict(average.state_dict())
    assert same(other.weights(), average.weights())
    average.update()
    assert not same(other.weights(), average.weights())


class Counter:
    """A task whose state is the sum of the numbers of its steps."""

    def __init__(self, fails_at: int = -1) -> None:
        self.sum = 0
        self.fails_at = fails_at

    def step(self, index: int, of: int) -> tuple[dict[str, float], float]:
        self.sum += index
        if index == self.fails_at:
            raise RuntimeError("in the middle of a step")
        return {"sum": float(self.sum)}, 0.5

    def state_dict(self) -> dict[str, Any]:
        return {"sum": self.sum}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sum = state["sum"]


def test_a_run(tmp_path):
    steps = list(run(Counter(), tmp_path / "new" / "run", steps=4))
    assert [(s.step, s.of, s.losses["sum"], s.learning_rate) for s in steps] == [
        (1, 4, 0, 0.5), (2, 4, 1, 0.5), (3, 4, 3, 0.5), (4, 4, 6, 0.5)
    ]  # fmt: skip
    assert isinstance(steps[0], TrainStep)
    rows = [["1", "0.5", "0"], ["2", "0.5", "1"], ["3", "0.5", "3"], ["4", "0.5", "6"]]
    assert log_of(tmp_path / "new" / "run") == [["step", "learning_rate", "sum"], *rows]
    assert list(run(Counter(), tmp_path / "new" / "run", steps=4)) == []


def test_a_failed_step_leaves_the_last_checkpoint(tmp_path):
    task = Counter(fails_at=5)
    with pytest.raises(RuntimeError, match="in the middle"):
        list(run(task, tmp_path, steps=9, checkpoint_every=3))
    assert len(log_of(tmp_path)) == 6
    again = Counter()
    steps = list(run(again, tmp_path, steps=9))
    # Steps 4 and 5 are made again, and are in the log once.
    assert [step.step for step in steps] == [4, 5, 6, 7, 8, 9]
    assert again.sum == sum(range(9))
    assert [row[0] for row in log_of(tmp_path)[1:]] == [str(n) for n in range(1, 10)]


SETTINGS_OF_RUN = {"batch": 4, "layers": {"relu4_1": 0.25}, "crops": (1, 2), "norm": math.inf}


def test_the_same_settings_resume(tmp_path):
    list(run(Counter(), tmp_path, steps=1, settings=SETTINGS_OF_RUN))
    assert len(list(run(Counter(), tmp_path, steps=3, settings=dict(SETTINGS_OF_RUN)))) == 2


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"batch": 2}, "made with batch 4, not 2: give the options"),
        ({"layers": {"relu4_1": 0.5}}, r"made with layers relu4_1=0\.25, not relu4_1=0\.5: give"),
        ({"norm": 1.0}, "made with norm inf, not 1: give"),
        ({"even_weight": 3.0}, "an earlier Impasto, which did not note its even weight: go on"),
    ],
)
def test_other_settings_are_refused(tmp_path, change, sentence):
    list(run(Counter(), tmp_path, steps=1, settings=SETTINGS_OF_RUN))
    kept = (tmp_path / CHECKPOINT).read_bytes()
    with pytest.raises(InputDataError, match=sentence):
        list(run(Counter(), tmp_path, steps=3, settings=SETTINGS_OF_RUN | change))
    assert (tmp_path / CHECKPOINT).read_bytes() == kept


@pytest.mark.parametrize("log", [b"", b"step,learning_rate,seconds,sum\r\n"])
def test_a_truncated_log_is_continued(tmp_path, log):
    list(run(Counter(), tmp_path, steps=1))
    (tmp_path / LOG).write_bytes(log)
    list(run(Counter(), tmp_path, steps=3))
    assert [row[0] for row in log_of(tmp_path)] == ["step", "2", "3"]


def test_checkpoints_that_do_not_fit(tmp_path, task):
    list(run(Counter(), tmp_path, steps=1))
    for content in (b"", b"none", (tmp_path / CHECKPOINT).read_bytes()[:-30]):
        (tmp_path / CHECKPOINT).write_bytes(content)
        with pytest.raises(InputDataError, match=r"checkpoint\.pt is broken, or was made with"):
            list(run(Counter(), tmp_path, steps=2))
    (tmp_path / CHECKPOINT).unlink()
    list(run(task(), tmp_path, steps=1))
    with pytest.raises(InputDataError, match=r"give the options it was made with"):
        list(run(task(pool=5), tmp_path, steps=2))

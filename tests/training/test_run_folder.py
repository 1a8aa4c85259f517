"""The folder of a run: checkpoints by time, one run at a time, and disks that are full."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

from helpers.full_disk import files_of_at_most, needs_limits
from helpers.sentences import sentence
from helpers.trainings import log_of
from impasto.errors import ImpastoError, InputDataError
from impasto.runtime.checkpoint_schedule import CheckpointSchedule
from impasto.runtime.interrupts import interruptible, stop_on_interrupt
from impasto.training.loop import CHECKPOINT, LOG, run


class Counter:
    """A task whose state is the sum of the numbers of its steps; ``ballast`` is large."""

    def __init__(self, *, ballast: int = 0, slow_step: int = -1) -> None:
        self.sum, self.ballast, self.slow_step = 0, "x" * ballast, slow_step

    def step(self, index: int, of: int) -> tuple[dict[str, float], float]:
        with interruptible():
            if index == self.slow_step:
                signal.raise_signal(signal.SIGTERM)
                time.sleep(60)
        self.sum += index
        return {"sum": float(self.sum)}, 0.5

    def state_dict(self) -> dict[str, Any]:
        return {"sum": self.sum, "ballast": self.ballast}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sum = state["sum"]


def test_checkpoints_come_by_time(tmp_path, monkeypatch):
    due = iter([False, True, False, True, False])
    monkeypatch.setattr(CheckpointSchedule, "is_time", lambda *_: next(due))
    steps = run(Counter(), tmp_path, steps=9)
    found = []
    for _ in range(5):
        next(steps)
        found.append((tmp_path / CHECKPOINT).stat().st_mtime_ns if _exists(tmp_path) else 0)
    assert found[0] == 0
    assert 0 < found[1] == found[2] < found[3] == found[4]
    steps.close()
    assert [step.step for step in run(Counter(), tmp_path, steps=6)] == [6]


def _exists(folder: Path) -> bool:
    return (folder / CHECKPOINT).exists()


def test_none_in_a_run_of_a_moment_but_at_its_end(tmp_path):
    for step in run(Counter(), tmp_path, steps=30):
        assert _exists(tmp_path) == (step.step == 30)


def test_a_long_step_is_abandoned_and_made_again(tmp_path, capsys):
    whole, task = Counter(), Counter(slow_step=3)
    list(run(whole, tmp_path / "whole", steps=6))
    started = time.monotonic()
    with stop_on_interrupt() as request:
        made = [step.step for step in run(task, tmp_path / "parts", steps=6)]
    assert time.monotonic() - started < 10  # two seconds, but on a busy machine
    assert made == [1, 2, 3]
    assert request.abandoned
    assert capsys.readouterr().err.startswith("impasto: stopping after this step")
    again = Counter()
    assert [step.step for step in run(again, tmp_path / "parts", steps=6)] == [4, 5, 6]
    assert again.sum == whole.sum
    assert log_of(tmp_path / "parts") == log_of(tmp_path / "whole")


def test_a_second_run_in_the_folder_is_refused(tmp_path):
    first = run(Counter(), tmp_path, steps=5)
    next(first)
    said = sentence(InputDataError, lambda: next(run(Counter(), tmp_path, steps=5)))
    assert said.startswith(f"{tmp_path} is in use by process ")
    assert said.endswith(": wait until it ends, or give another run folder.")
    assert len(list(first)) == 4
    assert [row[0] for row in log_of(tmp_path)[1:]] == ["1", "2", "3", "4", "5"]
    assert list(run(Counter(), tmp_path, steps=5)) == []


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    said = sentence(ImpastoError, lambda: next(run(Counter(), tmp_path / "file" / "x", steps=5)))
    assert said == (
        f"{tmp_path / 'file' / 'x' / CHECKPOINT} cannot be written because {tmp_path / 'file'} is "
        "a file: choose another folder."
    )


@needs_limits
def test_a_log_without_room_does_not_end_it(tmp_path):
    list(run(Counter(), tmp_path, steps=2))
    rows = log_of(tmp_path)
    with files_of_at_most((tmp_path / LOG).stat().st_size + 4):
        steps = run(Counter(), tmp_path, steps=6)
        problems = [next(steps).problems for _ in range(3)]
    assert [len(found) for found in problems] == [1, 1, 1]
    assert str(problems[0][0]) == (
        f"{tmp_path / LOG} could not be written (File too large): free some space, or give "
        "another run folder."
    )
    assert log_of(tmp_path) == rows  # no half of a row
    assert [step.step for step in steps] == [6]
    assert [row[0] for row in log_of(tmp_path)[1:]] == ["1", "2", "6"]


@needs_limits
def test_a_checkpoint_without_room_does_not_end_it(tmp_path):
    list(run(Counter(ballast=5000), tmp_path, steps=2))
    kept = (tmp_path / CHECKPOINT).read_bytes()
    with files_of_at_most(3000):
        steps = list(run(Counter(ballast=5000), tmp_path, steps=6, checkpoint_every=2))
    assert [len(step.problems) for step in steps] == [0, 1, 0, 1]
    assert "checkpoint.pt could not be written (File too large)" in str(steps[1].problems[0])
    assert (tmp_path / CHECKPOINT).read_bytes() == kept
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".impasto")]


@needs_limits
def test_stopped_on_a_full_disk_is_one_sentence(tmp_path):
    steps = run(Counter(ballast=5000), tmp_path, steps=6)
    next(steps)
    with files_of_at_most(3000):
        said = sentence(ImpastoError, steps.close)
    assert said.startswith(f"{tmp_path / CHECKPOINT} could not be written (File too large): free")

"""The bar of a training, and the estimate at its start."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console
from rich.text import Text

from helpers.network_trainings import command, training_data
from impasto.cli.main import run
from impasto.cli.shared import training_progress
from impasto.cli.shared.training_progress import TrainingBar
from impasto.training.loop import TrainStep

LOSSES = {
    "content.relu4_1": 0.123,
    **{f"style.relu{block}_1": 0.5 for block in range(1, 6)},
    "palette": 0.01,
    "smoothness": 0.002,
}


def drawn(width: int, monkeypatch) -> str:
    """The bar after step 120 of 6000."""
    terminal = Console(
        file=io.StringIO(), width=width, force_terminal=True, color_system="standard"
    )
    monkeypatch.setattr(training_progress, "console", lambda *, stderr: terminal)
    bar = TrainingBar(6000, quiet=False)
    bar.show(TrainStep(120, 6000, LOSSES, 1e-3, 240.0), seconds_left=3725.0)
    with terminal.capture() as captured:
        terminal.print(bar._bar.get_renderable())
    return Text.from_ansi(captured.get()).plain.rstrip("\n")


@pytest.mark.parametrize("width", [60, 80, 100, 300])
def test_bar_count_and_time_are_on_one_line_of_any_width(width, monkeypatch):
    told = drawn(width, monkeypatch)
    assert "\n" not in told
    assert len(told) <= width
    assert re.fullmatch(r"[━╸╺]{24} +120/6000 1:02:05 left.*", told)


def test_losses_that_do_not_fit_are_left_out(monkeypatch):
    told = drawn(80, monkeypatch)
    assert told.rstrip().endswith("left content.relu4_1 0.123")
    assert all(name in drawn(300, monkeypatch) for name in LOSSES)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return training_data(tmp_path_factory.mktemp("data") / "pictures")


def test_an_estimate_is_told_at_the_start(data, tmp_path, capsys):
    words = [*command(data, "per-style", tmp_path / "x.safetensors"), "--steps", "9"]
    assert run(words) == 0
    printed = capsys.readouterr().err
    told = re.findall(r"^about \S+( s)? for 3 more steps, measured on 5$", printed, re.MULTILINE)
    assert len(told) == 1
    assert run([*words, "--overwrite", "--run", str(tmp_path / "other"), "--quiet"]) == 0
    assert "about" not in capsys.readouterr().err

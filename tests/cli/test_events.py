"""``--events``: what other programs read of a run."""

from __future__ import annotations

import json
import sys
import types

import pytest

from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.cli.main import run
from impasto.cli.shared.event_lines import EventLines
from impasto.jobs.events import Planned, Preview, Progress

QUICK = ["--size", "64", "--scales", "1", "--steps", "3", "--events"]


@pytest.fixture
def photo(tmp_path):
    return str(images.write(tmp_path / "photo.png", smooth_picture(48, 64, seed=1)))


@pytest.fixture
def style(tmp_path):
    return str(images.write(tmp_path / "style.png", smooth_picture(64, 64, seed=2)))


def test_every_event_is_a_line(photo, style, tmp_path, capsys):
    output = str(tmp_path / "out.png")
    assert run(["paint", photo, style, "-o", output, *QUICK]) == 0
    told, errors = capsys.readouterr()
    lines = [json.loads(line) for line in told.splitlines()]
    assert [line["event"] for line in lines] == ["planned", *["progress"] * 3, "finished"]
    assert {line["output"] for line in lines} == {output}
    assert lines[0]["sizes"] == [[64, 48]]
    shares = [line["share"] for line in lines[1:-1]]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert (lines[-1]["width"], lines[-1]["height"], lines[-1]["finished"]) == (64, 48, True)
    assert errors == ""
    assert run(["paint", photo, style, "-o", output, *QUICK]) == 0  # nothing is left to do
    assert json.loads(capsys.readouterr().out) == {"event": "skipped", "output": output}


def test_a_folder_tells_of_each_picture(photo, style, tmp_path, capsys):
    words = ["paint", photo, "--style", style, "-o", str(tmp_path / "out") + "/", *QUICK]
    assert run(words) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines][-1] == "finished"
    assert lines[0]["output"] == str(tmp_path / "out" / "photo.png")


def test_the_result_is_told_in_one_way(photo, style, tmp_path, capsys):
    words = ["paint", photo, style, "-o", str(tmp_path / "o.png"), *QUICK, "--json"]
    with pytest.raises(SystemExit) as exit_code:
        run(words)
    assert exit_code.value.code == 2
    assert "--json: not allowed with argument --events" in capsys.readouterr().err


def test_a_run_that_nobody_listens_to_stops(monkeypatch, tmp_path):
    stops = []
    running = types.SimpleNamespace(stop=lambda: stops.append(True))
    lines = EventLines(running, tmp_path / "out.png")
    written = types.SimpleNamespace(write=len, flush=lambda: None, failure=None)
    monkeypatch.setattr(sys, "stdout", written)
    lines.show(Planned(((48, 64),), (3,)))
    assert stops == []
    written.failure = BrokenPipeError()
    lines.show(Preview(smooth_picture(48, 64, seed=1)))  # is not told, so nobody is missed
    assert stops == []
    lines.show(Progress(0.5, 1.0))
    assert stops == [True]

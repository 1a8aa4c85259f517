"""What was painted outlives signals, ``kill -9``, full disks and vanished folders."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
import torch

from helpers.paint_commands import (
    ENCODER,
    OPTIONS,
    call_after_step,
    furnish,
    paint,
    pixels_of,
    request,
)
from impasto import images
from impasto.errors import ImpastoError
from impasto.jobs.events import Note, Progress
from impasto.jobs.requests import ReconstructRequest
from impasto.jobs.run import RunOptions
from impasto.jobs.run import run as run_request
from impasto.objective.objective import Objective
from impasto.runtime.checkpoint_schedule import CheckpointSchedule


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to be in: a photograph, a painting and a tiny encoder."""
    folder = furnish(tmp_path / "work")
    monkeypatch.chdir(folder)
    return folder


# --- killed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{}, {"optimizer": "adam", "average": 0.9}])
def test_resumed_from_every_step_the_pixels_are_the_same(changes, place):
    """Whichever checkpoint a killed run has left."""
    asked, whole = request(**changes), run_request(request(**changes)).finish()
    options = RunOptions(checkpoint=place / "a.checkpoint", checkpoint_seconds=0.0)
    steps = (event for event in run_request(asked, options) if isinstance(event, Progress))
    kept = [options.checkpoint.read_bytes() for _ in steps if options.checkpoint.exists()]
    assert len(kept) == 11  # after each step but the last, seen at the next
    for content in kept:
        options.checkpoint.write_bytes(content)
        again = run_request(asked, replace(options, resume=True))
        assert torch.equal(again.finish().tensor, whole.tensor)
        assert len(again.result.losses) == 12
        again.remove_checkpoint()


def test_one_that_had_converged_is_not_painted_further(place, monkeypatch):
    """At the end of a size that took fewer steps than it might have."""
    from impasto.optim.lbfgs import LBFGS

    step = LBFGS.step

    def converges(optimizer):
        losses = step(optimizer)
        optimizer._converged = True
        return losses

    monkeypatch.setattr(LBFGS, "step", converges)
    whole = run_request(request()).finish()
    assert len(whole.losses) == 2  # a step a size
    options = RunOptions(checkpoint=place / "a.checkpoint")
    running = run_request(request(), options)
    for event in running:
        if isinstance(event, Progress):
            running.stop()
    assert len(running.result.losses) == 1
    again = run_request(request(), replace(options, resume=True)).finish()
    assert torch.equal(again.tensor, whole.tensor)
    assert len(again.losses) == 2


SLOWLY = """
import sys, time
from impasto.cli.main import run
from impasto.cli.shared import run_to_file
from impasto.jobs.display import ProgressBar
from impasto.jobs.events import Progress
run_to_file.CHECKPOINT_SECONDS = 0.0
def show(bar, event):
    if isinstance(event, Progress):
        sys.__stdout__.write("step\\n")
        sys.__stdout__.flush()
        time.sleep(0.01)
ProgressBar.show = show
sys.exit(run(sys.argv[1:]))
"""


def finished(process):
    with process:
        process.communicate()
    return process.returncode


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_killed_at_twenty_random_moments_the_pixels_are_the_same(place):
    """Each time the same command with ``--resume``; the moments are anywhere in a run's work."""
    words = ["paint", "photo.png", "painting.png", *OPTIONS, "--steps", "40", "--final-steps", "40"]
    whole, parts = place / "whole.png", place / "parts.png"
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}

    def start(output, *more):
        command = [sys.executable, "-c", SLOWLY, *words, "-o", str(output), *more]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=os.environ | threads
        )

    assert finished(start(whole)) == 0
    moments, kills = random.Random(1), 0
    while kills < 20:
        with start(parts, "--resume") as process:
            if process.stdout.readline():
                time.sleep(moments.uniform(0.0, 0.3))
            process.kill()
        kills += process.returncode == -signal.SIGKILL
        if parts.exists():  # it came to its end before it was killed
            assert pixels_of(parts) == pixels_of(whole)
            parts.unlink()
    assert finished(start(parts, "--resume")) == 0
    assert pixels_of(parts) == pixels_of(whole)
    names = {"photo.png", "painting.png", ENCODER, "whole.png", "parts.png"}
    assert {path.name for path in place.iterdir()} == names  # no checkpoint, nothing left over


def test_without_a_checkpoint_it_starts_from_the_beginning(place, capsys):
    assert paint("whole.png") == 0
    assert paint("out.png", "--resume", quiet=False) == 0
    told = capsys.readouterr().err
    assert "impasto: There is no checkpoint out.png.checkpoint: starting from the beginn" in told
    assert pixels_of("out.png") == pixels_of("whole.png")


def test_a_checkpoint_is_written_at_each_new_size(place, monkeypatch):
    """However little time has passed, if there is time for it."""
    options = RunOptions(checkpoint=place / "a.checkpoint", checkpoint_seconds=1000.0)
    monkeypatch.setattr(CheckpointSchedule, "is_affordable", lambda *_, **__: True)
    steps = (event for event in run_request(request(), options) if isinstance(event, Progress))
    assert [options.checkpoint.exists() for _ in steps] == [False] * 6 + [True] * 6


def test_a_short_run_has_no_time_for_checkpoints(place):
    options = RunOptions(checkpoint=place / "a.checkpoint", checkpoint_seconds=0.01)
    steps = (event for event in run_request(request(), options) if isinstance(event, Progress))
    assert [options.checkpoint.exists() for _ in steps] == [False] * 12


# --- stopped by signals ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_long_step_is_left_with_the_picture_before_it(name, place, monkeypatch, capsys):
    """The step would take a minute; what is kept is the state of the last whole step."""
    if not hasattr(signal, name):
        pytest.skip("there is no such signal here")
    gradient, started = Objective.gradient, []

    def long(objective, image):
        if not started:
            started.append(time.monotonic())
            os.kill(os.getpid(), getattr(signal, name))
            while time.monotonic() < started[0] + 60:
                time.sleep(0.01)
        return gradient(objective, image)

    assert paint("whole.png") == 0
    call_after_step(monkeypatch, 3, lambda: monkeypatch.setattr(Objective, "gradient", long))
    assert paint("out.png", quiet=False) == 130
    assert time.monotonic() - started[0] < 10  # two seconds, but on a busy machine
    out, err = capsys.readouterr()
    assert "impasto: stopping after this step, or within it if it is a long one\n" in err
    assert "out.png: stopped at 45×34 px; --resume continues" in out
    assert images.read("out.png").size == (34, 45)
    assert paint("out.png", "--resume") == 0
    assert pixels_of("out.png") == pixels_of("whole.png")
    assert not list(place.glob("*.checkpoint"))


def test_before_the_first_step_there_is_no_picture(place, monkeypatch, capsys):
    def long(objective, image):
        signal.raise_signal(signal.SIGINT)
        time.sleep(60)

    (place / "out.png").write_bytes(b"")
    monkeypatch.setattr(Objective, "gradient", long)
    assert paint("out.png", "--overwrite") == 130
    assert capsys.readouterr().err.splitlines()[-1] == "impasto: stopped."
    assert (place / "out.png").read_bytes() == b""


def test_a_signal_during_the_last_writing_waits_for_it(place, monkeypatch, capsys):
    write = images.write

    def slowly(*rest, **options):
        signal.raise_signal(signal.SIGTERM)
        time.sleep(0.1)
        return write(*rest, **options)

    monkeypatch.setattr(images, "write", slowly)
    assert paint("out.png", "--log", "log.csv") == 0
    assert images.read("out.png").size == (48, 64)
    assert (place / "log.csv").exists()


# --- the door -------------------------------------------------------------------------------------


def test_a_checkpoint_of_something_else_can_be_discarded(place):
    options = RunOptions(checkpoint=place / "a.checkpoint", resume=True)
    options.checkpoint.write_bytes(b"something else")
    with pytest.raises(ImpastoError, match="is broken"):
        run_request(request(), options).finish()
    discarding = replace(options, discard_other_checkpoints=True)
    events = list(run_request(request(), discarding))
    assert events[-1].result.is_finished
    assert not [event for event in events if isinstance(event, Note)]


def test_a_figure_goes_on_from_its_checkpoint(place):
    """In the middle of its fourth panel, with the others as they were."""
    recipe = request(scales=1, final_steps=3, size=48).recipe
    asked = ReconstructRequest("photo.png", "figure", recipe)
    whole = run_request(asked).finish()
    options = RunOptions(checkpoint=place / "a.checkpoint")
    running = run_request(asked, options)
    for number, _ in enumerate(event for event in running if isinstance(event, Progress)):
        if number == 20:
            running.stop()
    assert not running.result.is_finished
    again = run_request(asked, replace(options, resume=True))
    labels = [event.label for event in again if isinstance(event, Progress)]
    assert len(labels) == 60 - 21
    assert labels[0].startswith("4/10 ")
    assert again.result.is_finished
    assert torch.equal(again.result.tensor, whole.tensor)


def test_a_checkpoint_of_another_kind_is_one_sentence(place):
    options = RunOptions(checkpoint=place / "a.checkpoint", resume=True)
    stopped = run_request(request(), replace(options, resume=False))
    for event in stopped:
        if isinstance(event, Progress):
            stopped.stop()
    asked = ReconstructRequest("photo.png", "figure", request(scales=1).recipe)
    with pytest.raises(ImpastoError, match="is broken, or of another version"):
        run_request(asked, options).finish()

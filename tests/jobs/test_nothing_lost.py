"""What was painted outlives signals, ``kill -9``, full disks and vanished folders."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from helpers.random_inputs import random_encoder, smooth_picture
from helpers.small_disks import small_disk
from impasto import images
from impasto.cli.main import run
from impasto.encoders.files import save_encoder
from impasto.encoders.vgg import Architecture
from impasto.errors import ImpastoError
from impasto.jobs.display import ProgressBar
from impasto.jobs.events import Note, Progress
from impasto.jobs.requests import PaintRequest, StyleInput
from impasto.jobs.run import RunOptions
from impasto.jobs.run import run as run_request
from impasto.objective.objective import Objective
from impasto.recipes.recipe import Recipe
from impasto.runtime.checkpoint_schedule import CheckpointSchedule

ENCODER = "tiny.safetensors"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to be in: a photograph, a painting and a tiny encoder."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for number, name in enumerate(("photo.png", "painting.png")):
        images.write(folder / name, smooth_picture(48, 64, seed=number))
    architecture = Architecture((4, 6, 8, 8, 8), (1, 1, 1, 1, 1), padding="reflect")
    save_encoder(folder / ENCODER, random_encoder(architecture), dtype=torch.float32)
    return folder


OPTIONS = [
    "--encoder", ENCODER, "--content-layers", "relu4_1", "--size", "64", "--scales", "2",
    "--steps", "6", "--final-steps", "6", "--memory", "2GB",
]  # fmt: skip


def paint(output, *words, quiet=True):
    names = [str(Path("photo.png")), str(Path("painting.png"))]
    return run(["paint", *names, "-o", str(output), *OPTIONS, *words, *["--quiet"] * quiet])


def request(**changes) -> PaintRequest:
    recipe = Recipe(
        encoder=ENCODER, content_layers={"relu4_1": 1.0}, size=64, scales=2, steps=6, final_steps=6
    )
    return PaintRequest("photo.png", (StyleInput("painting.png"),), recipe.replace(**changes))


def pixels_of(path):
    with Image.open(path) as picture:
        return picture.tobytes()


@pytest.fixture
def after_step(monkeypatch):
    """Have a function called after a step of that number; each once."""

    def call(number, action):
        show, called = ProgressBar.show, []

        def patched(bar, event):
            show(bar, event)
            if isinstance(event, Progress) and event.number == number and not called:
                called.append(number)
                action()

        monkeypatch.setattr(ProgressBar, "show", patched)

    return call


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
from impasto.cli.shared import run_options
from impasto.jobs.display import ProgressBar
from impasto.jobs.events import Progress
run_options.CHECKPOINT_SECONDS = 0.0
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
def test_a_long_step_is_left_with_the_picture_before_it(
    name, place, after_step, monkeypatch, capsys
):
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
    after_step(3, lambda: monkeypatch.setattr(Objective, "gradient", long))
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


# --- nowhere to write -----------------------------------------------------------------------------


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(folder))
    return folder


def test_on_a_full_disk_the_picture_is_kept_elsewhere(place, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("impasto.cli.shared.run_options.CHECKPOINT_SECONDS", 0.0)
    assert paint("whole.png") == 0
    with small_disk(tmp_path / "disk", 700) as disk:
        gone = disk / "filler"

        def fill():
            with gone.open("wb") as file:
                while True:
                    file.write(bytes(1000))
                    file.flush()

        show = ProgressBar.show

        def patched(bar, event):
            show(bar, event)
            if isinstance(event, Progress) and event.number == 8:
                with pytest.raises(OSError, match="No space"):
                    fill()

        with monkeypatch.context() as patch:
            patch.setattr(ProgressBar, "show", patched)
            assert paint(disk / "out.png") == 2
        told = capsys.readouterr().err.splitlines()
        assert told[-1] == (
            f"impasto: {disk / 'out.png'} could not be written (No space left on device): the "
            f"picture is saved as {place / 'out.png'} instead. --resume writes it again."
        )
        assert len(told) == 2  # and that of the checkpoints, once
        assert pixels_of("out.png") == pixels_of("whole.png")
        assert not (disk / "out.png").exists()
        assert (disk / "out.png.checkpoint").exists()
        gone.unlink()
        assert paint(disk / "out.png", "--resume") == 0
        assert pixels_of(disk / "out.png") == pixels_of("whole.png")
        assert sorted(path.name for path in disk.iterdir()) == ["out.png"]


def test_a_picture_that_cannot_be_written_is_kept_elsewhere(
    place, tmp_path, temporary, capsys, monkeypatch
):
    """Neither next to its place nor in the working folder."""
    save, full = Image.Image.save, {tmp_path / "out", place}

    def fails(image, where, *rest, **options):
        if Path(where).parent in full:
            raise OSError(28, "No space left on device")
        return save(image, where, *rest, **options)

    monkeypatch.setattr(Image.Image, "save", fails)
    output = tmp_path / "out" / "out.png"
    assert paint(output, "--log", "log.csv") == 2
    assert capsys.readouterr().err == (
        f"impasto: {output} could not be written (No space left on device): the picture is saved "
        f"as {temporary / 'out.png'} instead. --resume writes it again.\n"
    )
    assert images.read(temporary / "out.png").size == (48, 64)
    assert (place / "log.csv").exists()
    assert output.with_name("out.png.checkpoint").exists()


def test_a_target_that_becomes_unwritable_is_one_sentence(place, tmp_path, after_step, capsys):
    """Not by chmod, which does not stop the superuser that tests often run as."""
    out = tmp_path / "out"
    out.mkdir()

    def become_a_file():
        shutil.rmtree(out)
        out.write_text("")

    after_step(3, become_a_file)
    assert paint(out / "out.png") == 2
    assert capsys.readouterr().err == (
        f"impasto: {out / 'out.png'} cannot be written because {out} is a file: the picture is "
        f"saved as {place / 'out.png'} instead.\n"
    )
    assert images.read("out.png").size == (48, 64)


def test_a_folder_that_vanishes_is_made_again(place, tmp_path, after_step):
    out = tmp_path / "out"
    out.mkdir()
    after_step(3, lambda: shutil.rmtree(out))
    assert paint(out / "out.png") == 0
    assert [path.name for path in out.iterdir()] == ["out.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="the working folder cannot be removed")
def test_the_working_folder_may_vanish(place, after_step):
    after_step(3, lambda: shutil.rmtree(place))
    more = ["--log", "log.csv", "--snapshots", "2", "--snapshots-to", "growth.gif"]
    assert paint("out.png", *more, "--report", "page.html") == 0
    names = ["growth.gif", "log.csv", "out.png", "page.html"]
    assert sorted(path.name for path in place.iterdir()) == names


@pytest.mark.skipif(sys.platform == "win32", reason="the working folder cannot be removed")
def test_without_a_working_folder_is_one_sentence(place, capsys):
    shutil.rmtree(place)
    assert paint("out.png") == 2
    assert "relative to the working folder, which does not exist" in capsys.readouterr().err


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

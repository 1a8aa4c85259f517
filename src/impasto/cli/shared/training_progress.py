"""Shared by the commands of ``impasto train``: options, training pictures, progress."""

from __future__ import annotations

import argparse
import contextlib
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from impasto.cli.shared.messages import counted_noun, flag, inform, say, warn
from impasto.cli.shared.problems import Problems
from impasto.errors import InputDataError, OptionError
from impasto.images.picture import list_pictures
from impasto.jobs.display import clock
from impasto.runtime.files import check_writable, shown, write_or_keep_elsewhere
from impasto.runtime.interrupts import NOTICE, StopRequest, stop_on_interrupt
from impasto.runtime.progress import PartsColumn
from impasto.runtime.terminal import console
from impasto.training.crops import Crops, held_out
from impasto.training.loop import TrainStep
from impasto.training.pace import TrainingPace
from impasto.training.tensorboard import TensorBoardLog, check_tensorboard


def check_training_options(args: argparse.Namespace, *, kind: str) -> None:
    """Check the options of a training before hours of work.

    Args:
        args: The options.
        kind: What the output is, for its error message.

    Raises:
        ImpastoError: If an option has a value that is not allowed, or a file cannot be written.
    """
    if args.output.suffix != ".safetensors":
        raise OptionError(f"{args.output}: {kind} is called .safetensors.")
    check_writable(args.output)
    # With the run's folder, the command may be one that continues, and writes the same model anew.
    continues = os.path.isdir(run_folder(args))
    if os.path.lexists(args.output) and not (args.overwrite or continues):
        raise OptionError(
            f"{args.output} exists already: name another -o, or replace it with --overwrite."
        )
    if args.tensorboard:
        check_tensorboard()
    for name, least in (("steps", 1), ("validate_every", 1), ("batch", 1), ("crop", 64)):
        value = getattr(args, name, None)
        if value is not None and value < least:
            raise OptionError(f"{flag(name)} must be {least} or more, not {value}.")
    if args.learning_rate is not None and not 0 < args.learning_rate < 1:
        raise OptionError(f"--learning-rate must be between 0 and 1, not {args.learning_rate}.")


def run_folder(args: argparse.Namespace) -> Path:
    """The folder of the training's checkpoint, log and sheets."""
    folder: Path = args.run or args.output.with_name(f"{args.output.stem}-run")
    return folder


def picture_paths(path: str) -> list[Path]:
    """The path of a picture, or of all pictures in a folder.

    Raises:
        InputDataError: If it is neither, or the folder has no pictures.
    """
    if not os.path.exists(path):
        raise InputDataError(f"There is no folder or picture {path}: check its name.")
    return [Path(path)] if os.path.isfile(path) else list_pictures(path)


def read_crops(
    path: str, size: int, args: argparse.Namespace, weigh: Callable[[Path], float] | None = None
) -> Crops:
    """The training pictures of a folder, or one picture; unreadable ones are reported."""
    paths = picture_paths(path)
    if paths != [Path(path)]:
        unseen = set(held_out(paths, args.hold_back))
        paths = [path for path in paths if path not in unseen]
    crops = Crops(paths, size, weigh=weigh)
    report_skipped(path, crops.skipped, args)
    return crops


def report_skipped(place: str, skipped: Sequence[Path], args: argparse.Namespace) -> None:
    """Print the number and the first names of pictures that cannot be used."""
    if skipped and not args.quiet:
        names = ", ".join(path.name for path in skipped[:3])
        more = ", …" if len(skipped) > 3 else ""
        unreadable = counted_noun(len(skipped), "unreadable picture")
        inform(f"{place}: {unreadable} skipped ({names}{more})")


@contextlib.contextmanager
def training_progress(
    steps: int,
    *,
    quiet: bool,
    tensorboard: TensorBoardLog | None,
    problems: Problems,
    cost: Callable[[int], float] = lambda step: 1.0,
) -> Iterator[tuple[StopRequest, Callable[[TrainStep], None]]]:
    """A context for training: whether Ctrl-C was pressed, and a function that shows a step.

    Args:
        steps: Total number of steps.
        quiet: Show no bar.
        tensorboard: Also receives the steps; closed at the end.
        problems: Reports those of the steps.
        cost: Step (from 0) → its work, relative to other steps.
    """
    notice, pace, is_told = "" if quiet else NOTICE, TrainingPace(steps, cost), quiet
    skipped = 0
    with stop_on_interrupt(notice) as request, TrainingBar(steps, quiet=quiet) as bar:

        def show(step: TrainStep) -> None:
            nonlocal is_told, skipped
            skipped = step.skipped
            pace.add(step.step, step.seconds)
            bar.show(step, pace.seconds_left)
            if pace.is_known and not is_told:
                is_told = True
                inform(estimate_text(pace))
            for problem in step.problems:
                problems.report(problem)
            if tensorboard is not None:
                problems.attempt(tensorboard.add_step, step)

        try:
            yield request, show
        finally:
            if tensorboard is not None:
                problems.attempt(tensorboard.close)
    if skipped:
        were = "was" if skipped == 1 else "were"
        warn(
            f"{counted_noun(skipped, 'step')} {were} skipped: the numbers were not finite, and the "
            "weights stayed as they were before."
        )


def save_model(path: Path, save: Callable[[Path], object], steps: int) -> None:
    """Save what was trained, and say so.

    Raises:
        ImpastoError: If it could not be saved there, with the place where it is instead, if any.
    """
    written = write_or_keep_elsewhere(path, save)
    if written.problem is None:
        size, after = path.stat().st_size / 1e6, counted_noun(steps, "step")
        say(f"{shown(path)}: {size:.1f} MB, after {after}")
    written.check("the model")


def estimate_text(pace: TrainingPace) -> str:
    """What is told at the start of a training, after a few steps."""
    left = counted_noun(pace.steps_left, "more step")
    return f"about {clock(pace.seconds_left or 0.0)} for {left}, measured on {pace.measured}"


class TrainingBar:
    """A progress bar with the losses of training, averaged over about fifty steps.

    Args:
        steps: Of the training.
        quiet: Show nothing. A bar is shown on terminals only.
    """

    def __init__(self, steps: int, *, quiet: bool) -> None:
        bars = console(stderr=True)
        self._bar = Progress(
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            PartsColumn("losses"),  # as many as fit: the others matter more
            console=bars,
            disable=quiet or not bars.is_terminal,
            expand=True,
        )
        self._task = self._bar.add_task("training", total=steps, left="", losses=())
        self._means: dict[str, float] = {}

    def __enter__(self) -> TrainingBar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, step: TrainStep, seconds_left: float | None = None) -> None:
        """Update the bar."""
        for name, value in step.losses.items():
            if math.isfinite(value):
                self._means[name] = value + 0.98 * (self._means.get(name, value) - value)
        losses = tuple(f"{name} {value:.3f}" for name, value in self._means.items())
        left = "" if seconds_left is None else f"{clock(seconds_left)} left"
        self._bar.update(self._task, completed=step.step, left=left, losses=losses)

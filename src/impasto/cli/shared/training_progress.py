"""What the commands of ``impasto train`` share: reading pictures, showing progress."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from impasto.errors import InputDataError
from impasto.images.picture import list_pictures
from impasto.runtime.interrupts import StopRequest, stop_on_interrupt
from impasto.training.crops import Crops, is_held_out
from impasto.training.loop import TrainStep
from impasto.training.tensorboard import TensorBoardLog


def picture_paths(place: str) -> list[Path]:
    """The path of a picture, or of all pictures in a folder.

    Raises:
        InputDataError: If it is neither, or the folder holds none.
    """
    if not os.path.exists(place):
        raise InputDataError(f"There is no folder or picture {place}: name one that there is.")
    return [Path(place)] if os.path.isfile(place) else list_pictures(place)


def read_crops(place: str, size: int, args: argparse.Namespace) -> Crops:
    """The training pictures of a folder, or one picture; unreadable ones are reported."""
    paths = picture_paths(place)
    if args.hold_back and paths != [Path(place)]:
        paths = [path for path in paths if not is_held_out(path)]
    crops = Crops(paths, size)
    report_skipped(place, crops.skipped, args)
    return crops


def report_skipped(place: str, skipped: Sequence[Path], args: argparse.Namespace) -> None:
    """Print the number and the first names of pictures that cannot be used."""
    if skipped and not args.quiet:
        names = ", ".join(path.name for path in skipped[:3])
        more = ", …" if len(skipped) > 3 else ""
        print(f"{place}: {len(skipped)} unreadable pictures skipped ({names}{more})",
              file=sys.stderr)  # fmt: skip


@contextlib.contextmanager
def training_progress(
    steps: int, *, quiet: bool, tensorboard: TensorBoardLog | None
) -> Iterator[tuple[StopRequest, Callable[[TrainStep], None]]]:
    """While a training runs: whether Ctrl-C was pressed, and a function that shows a step.

    Args:
        steps: Number of steps in all.
        quiet: Whether to show no bar.
        tensorboard: Receives the steps, too, and is closed at the end.
    """
    with stop_on_interrupt() as request, TrainingBar(steps, quiet=quiet) as bar:
        if tensorboard is None:
            yield request, bar.show
            return

        def show(step: TrainStep) -> None:
            bar.show(step)
            tensorboard.add_step(step)

        try:
            yield request, show
        finally:
            tensorboard.close()


class TrainingBar:
    """A progress bar with the losses of training, averaged over about fifty steps."""

    def __init__(self, steps: int, *, quiet: bool) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[losses]}"),
            console=console,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=steps, losses="")
        self._means: dict[str, float] = {}

    def __enter__(self) -> TrainingBar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, step: TrainStep) -> None:
        """Update the bar."""
        for name, value in step.losses.items():
            self._means[name] = value + 0.98 * (self._means.get(name, value) - value)
        losses = " ".join(f"{name} {value:.3f}" for name, value in self._means.items())
        self._bar.update(self._task, completed=step.step, losses=losses)

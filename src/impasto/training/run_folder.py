"""The folder of a training run: its checkpoint, its log, and a lock against a second run."""

from __future__ import annotations

import contextlib
import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.errors import ImpastoError, InputDataError, option
from impasto.runtime.files import absolute, atomic_write, check_writable, shown
from impasto.runtime.locks import locked
from impasto.runtime.text_files import open_table
from impasto.runtime.torch_files import count_bytes, load_torch, save_torch

if TYPE_CHECKING:
    from impasto.training.loop import Task, TrainStep

CHECKPOINT = "checkpoint.pt"
LOG = "log.csv"


class RunFolder:
    """The files of a run.

    Args:
        folder: It need not exist.
        settings: All that the steps depend on, by name; kept in the checkpoint.

    Attributes:
        checkpoint_bytes: Size of the last checkpoint; 0 before the first.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self._folder = absolute(folder)  # the working folder may be removed during the run
        self._settings = settings
        self.checkpoint_bytes = 0

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Within the block no other process uses the folder.

        Raises:
            ImpastoError: If another one does, or the folder cannot be written.
        """
        check_writable(self._folder / CHECKPOINT)
        with contextlib.ExitStack() as stack:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                remedy = f"wait until it ends, or give another {option('run')} folder."
                stack.enter_context(locked(self._folder, remedy=remedy))
            except OSError as problem:
                raise _unwritable(self._folder, problem) from problem
            yield

    def save(self, task: Task, done: int) -> None:
        """Write a checkpoint after ``done`` steps.

        Raises:
            ImpastoError: If it cannot be written; an older one is kept.
        """
        state = {"step": done, "settings": dict(self._settings), "task": task.state_dict()}
        with atomic_write(self._folder / CHECKPOINT) as temporary:
            save_torch(state, temporary)
        self.checkpoint_bytes = count_bytes(state)

    def resume(self, task: Task) -> int:
        """Restore the task from the checkpoint; the number of steps that it has made.

        Raises:
            InputDataError: If the checkpoint is broken or has other settings.
        """
        path = self._folder / CHECKPOINT
        if not path.exists():
            return 0

        def restore(saved: dict[str, Any]) -> int:
            _check_same(shown(path), saved["settings"], self._settings)
            task.load_state_dict(saved["task"])
            self.checkpoint_bytes = count_bytes(saved)
            return int(saved["step"])

        broken = (
            f"The checkpoint {shown(path)} is broken, or was made with other options: "
            f"give the options it was made with, or another {option('run')} folder."
        )
        return load_torch(path, restore, broken=broken, kept=InputDataError)

    def append_log(self, report: TrainStep) -> None:
        """Add a row to the log.

        Raises:
            ImpastoError: If it cannot be written.
        """
        values = {"step": report.step, "learning_rate": f"{report.learning_rate:.6g}"}
        values |= {"seconds": f"{report.seconds:.3f}"}
        values |= {name: f"{value:.6g}" for name, value in report.losses.items()}
        append_row(self._folder / LOG, values)

    def truncate_tables(self, names: Sequence[str], done: int) -> None:
        """Remove the rows of steps after ``done`` from CSV files of the folder.

        Raises:
            ImpastoError: If one cannot be read or written.
        """
        try:
            for name in names:
                _truncate_table(self._folder / name, done)
        except OSError as problem:
            raise _unwritable(self._folder, problem) from problem


def append_row(path: Path, values: Mapping[str, object]) -> None:
    """Add a row to a CSV file, which begins with the names of its columns.

    Raises:
        ImpastoError: If it cannot be written; no part of the row remains.
    """
    before = None
    try:
        before = path.stat().st_size if path.exists() else 0
        with open_table(path, "a") as file:
            writer = csv.writer(file)
            if not before:
                writer.writerow(values)
            writer.writerow(values.values())
    except OSError as problem:
        with contextlib.suppress(OSError):
            if before is not None:
                os.truncate(path, before)
        raise _unwritable(path, problem) from problem


def _unwritable(path: Path, problem: OSError) -> ImpastoError:
    return ImpastoError(
        f"{shown(path)} could not be written ({problem.strerror or problem}): free some space, or "
        f"give another {option('run')} folder."
    )


def _check_same(path: Path, saved: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    if missing := [name for name in settings if name not in saved]:
        raise InputDataError(
            f"The checkpoint {path} is of an earlier Impasto, which did not note its "
            f"{missing[0].replace('_', ' ')}: go on with that one, or give another "
            f"{option('run')} folder."
        )
    for name, value in settings.items():
        if saved[name] != value:
            what = f"{name.replace('_', ' ')} {_text(saved[name])}, not {_text(value)}"
            raise InputDataError(
                f"The checkpoint {path} was made with {what}: "
                f"give the options it was made with, or another {option('run')} folder."
            )


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{name}={_text(entry)}" for name, entry in value.items())
    if isinstance(value, list):
        return "/".join(map(_text, value))
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _truncate_table(path: Path, done: int) -> None:
    """Remove the rows of steps after a checkpoint, which will be made again.

    The last row may be incomplete, if the process was killed while writing it.
    """
    if not path.exists():
        return
    with open_table(path, "r") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    if not header:
        path.unlink()
        return
    with atomic_write(path) as temporary, open_table(temporary, "w") as file:
        complete = (row for row in rows if len(row) == len(header))
        csv.writer(file).writerows([header, *(row for row in complete if int(row[0]) <= done)])

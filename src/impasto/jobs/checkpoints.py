"""Checkpoints: an interrupted painting resumes with exactly the pixels of an uninterrupted one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from impasto.errors import InputDataError, option
from impasto.jobs.results import Row
from impasto.painting.painter import Painter
from impasto.painting.snapshots import FrameStore
from impasto.runtime.checkpoint_schedule import CheckpointSchedule
from impasto.runtime.files import atomic_write, shown
from impasto.runtime.torch_files import load_torch, save_torch


def checkpoint_path(output: Path) -> Path:
    """Path of the checkpoint of a picture: next to it."""
    return output.with_name(output.name + ".checkpoint")


class Checkpoints:
    """The checkpoint of a run: written when it is due, removed at the end.

    Args:
        path: Its file.
        write: Writes the file, whole or not at all.
        size: Gives the bytes to write, about: they tell how long it takes.
        seconds: Shortest time between two, stretched so that writing takes less than 1 % of the
            time; 0 for one after every step.

    Attributes:
        is_kept: Whether the file is a checkpoint of this run.
    """

    def __init__(
        self, path: Path, write: Callable[[], object], size: Callable[[], int], *, seconds: float
    ) -> None:
        self.path, self.is_kept = path, False
        self._write, self._size = write, size
        self._schedule = CheckpointSchedule(seconds)

    def is_time(self) -> bool:
        """Whether one is due because of the time since the last."""
        return self._schedule.is_time(self._size())

    def is_affordable(self, total: float) -> bool:
        """Whether there is time for another at a new size, in a run of so many seconds."""
        return self._schedule.is_affordable(self._size(), total)

    def write(self, *, between: bool = False) -> None:
        """Write one now.

        Args:
            between: Whether because a size is finished, and not by time.

        Raises:
            ImpastoError: If it cannot be written; an older one is kept.
        """
        with self._schedule.writing(self._size(), between=between):
            self._write()
        self.is_kept = True

    def remove(self) -> None:
        """Delete the file, after all that it could be needed for is done."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
        self.is_kept = False


def save_checkpoint(
    path: Path, painter: Painter, losses: list[Row], frames: Mapping[str, FrameStore] | None = None
) -> None:
    """Write the state of a painting and its history so far, atomically.

    Args:
        path: The file to make.
        painter: The painting.
        losses: Its history.
        frames: Recorder → the pictures that it has taken.

    Raises:
        ImpastoError: If it cannot be written.
    """
    taken = {name: store.state_dict() for name, store in (frames or {}).items()}
    write_state(path, {"painter": painter.state_dict(), "losses": losses, "frames": taken})


def load_checkpoint(
    path: Path, painter: Painter, frames: Mapping[str, FrameStore] | None = None
) -> list[Row]:
    """Restore a painting to the state it was saved in; returns its history so far.

    Args:
        path: Of :func:`save_checkpoint`.
        painter: Fresh, of the same pictures, styles and recipe as the one that was saved.
        frames: Recorder → store that receives the pictures it had taken.

    Raises:
        InputDataError: If the file is missing, broken, or of another painting.
    """

    def restore(saved: Any) -> list[Row]:
        painter.load_state_dict(saved["painter"])
        for name, store in (frames or {}).items():
            store.load_state_dict(saved.get("frames", {}).get(name, {}))
        return list(saved["losses"])

    return read_state(path, restore)


def write_state(path: Path, state: Any) -> None:
    """Write what a run consists of so far, atomically.

    Raises:
        ImpastoError: If it cannot be written.
    """
    with atomic_write(path) as temporary:
        save_torch(state, temporary)


def read_state(path: Path, restore: Callable[[Any], list[Row]]) -> list[Row]:
    """Read what :func:`write_state` wrote, and restore it.

    Args:
        path: The file.
        restore: Takes the state; what it returns is returned.

    Raises:
        InputDataError: If the file is missing or broken, or ``restore`` raises anything.
    """
    if not os.path.isfile(path):
        raise InputDataError(
            f"There is no checkpoint {shown(path)}: start without {option('resume')}."
        )
    broken = (
        f"The checkpoint {shown(path)} is broken, or of another version of Impasto: "
        f"delete it and start without {option('resume')}."
    )
    return load_torch(path, restore, broken=broken)

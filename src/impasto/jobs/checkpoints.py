"""Checkpoints: an interrupted painting resumes with exactly the pixels of an uninterrupted one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch

from impasto.errors import ImpastoError, InputDataError, option
from impasto.jobs.results import Row
from impasto.painting.painter import Painter
from impasto.painting.snapshots import FrameStore
from impasto.runtime.files import atomic_write


def checkpoint_path(output: Path) -> Path:
    """Path of the checkpoint of a picture: next to it."""
    return output.with_name(output.name + ".checkpoint")


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
    with atomic_write(path) as temporary:
        saved = {"painter": painter.state_dict(), "losses": losses, "frames": taken}
        try:
            torch.save(saved, temporary)
        except RuntimeError as problem:  # what torch makes of a full disk
            raise OSError(str(problem).partition("\n")[0]) from problem


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
    if not os.path.isfile(path):
        raise InputDataError(f"There is no checkpoint {path}: start without {option('resume')}.")
    try:
        saved = torch.load(path, weights_only=True, map_location="cpu")
        painter.load_state_dict(saved["painter"])
        for name, store in (frames or {}).items():
            store.load_state_dict(saved.get("frames", {}).get(name, {}))
        return list(saved["losses"])
    except ImpastoError:
        raise
    except Exception as error:  # torch.load raises nearly anything for a broken file
        raise InputDataError(
            f"The checkpoint {path} is broken, or of another version of Impasto: "
            f"delete it and start without {option('resume')}."
        ) from error

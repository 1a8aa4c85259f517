"""Checkpoints of a painting: to the same pixels after an interruption as without one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch

from impasto.errors import ImpastoError, InputDataError, option
from impasto.jobs.results import Row
from impasto.painting.painter import Painter
from impasto.painting.snapshots import Reel
from impasto.runtime.files import replacing


def checkpoint_path(output: Path) -> Path:
    """Where the checkpoint of a picture lies: beside it."""
    return output.with_name(output.name + ".checkpoint")


def save_checkpoint(
    path: Path, painter: Painter, losses: list[Row], reels: Mapping[str, Reel] | None = None
) -> None:
    """Write the state of a painting and its history so far, atomically.

    Args:
        path: The file to make.
        painter: The painting.
        losses: Its history.
        reels: Name → pictures taken on the way.

    Raises:
        ImpastoError: If it cannot be written.
    """
    taken = {name: reel.state_dict() for name, reel in (reels or {}).items()}
    with replacing(path) as temporary:
        saved = {"painter": painter.state_dict(), "losses": losses, "reels": taken}
        try:
            torch.save(saved, temporary)
        except RuntimeError as problem:  # what torch makes of a full disk
            raise OSError(str(problem).partition("\n")[0]) from problem


def load_checkpoint(
    path: Path, painter: Painter, reels: Mapping[str, Reel] | None = None
) -> list[Row]:
    """Bring a painting to the state it was saved in; its history so far.

    Args:
        path: Of :func:`save_checkpoint`.
        painter: Fresh; the painting that was saved, by its picture, styles and recipe.
        reels: Name → what gets the pictures taken under that name, if there were any.

    Raises:
        InputDataError: If the file is missing, broken, or of another painting.
    """
    if not os.path.isfile(path):
        raise InputDataError(f"There is no checkpoint {path}: start without {option('resume')}.")
    try:
        saved = torch.load(path, weights_only=True, map_location="cpu")
        painter.load_state_dict(saved["painter"])
        for name, reel in (reels or {}).items():
            reel.load_state_dict(saved.get("reels", {}).get(name, {}))
        return list(saved["losses"])
    except ImpastoError:
        raise
    except Exception as error:  # torch.load raises nearly anything for a broken file
        raise InputDataError(
            f"The checkpoint {path} is broken, or of another version of Impasto: "
            f"delete it and start without {option('resume')}."
        ) from error

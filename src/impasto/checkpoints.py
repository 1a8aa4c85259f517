"""Checkpoints of a painting: to the same pixels after an interruption as without one."""

from __future__ import annotations

from pathlib import Path

import torch

from impasto.errors import ImpastoError, InputDataError
from impasto.files import replacing
from impasto.painter import Painter
from impasto.painting import Row


def checkpoint_path(output: Path) -> Path:
    """Where the checkpoint of a picture lies: beside it."""
    return output.with_name(output.name + ".checkpoint")


def save_checkpoint(path: Path, painter: Painter, losses: list[Row]) -> None:
    """Write the state of a painting and its history so far, atomically."""
    with replacing(path) as temporary:
        torch.save({"painter": painter.state_dict(), "losses": losses}, temporary)


def load_checkpoint(path: Path, painter: Painter) -> list[Row]:
    """Bring a painting to the state it was saved in; its history so far.

    Raises:
        InputDataError: If the file is missing, broken, or of another painting.
    """
    if not path.is_file():
        raise InputDataError(f"There is no checkpoint {path}: start without --resume.")
    try:
        saved = torch.load(path, weights_only=True, map_location="cpu")
        painter.load_state_dict(saved["painter"])
        return list(saved["losses"])
    except ImpastoError:
        raise
    except Exception as error:  # torch.load raises nearly anything for a broken file
        raise InputDataError(
            f"The checkpoint {path} is broken, or of another version of Impasto: "
            "delete it and start without --resume."
        ) from error

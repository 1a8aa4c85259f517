"""Folders of jobs: how much they hold, and their end."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path


def bytes_in(folder: Path) -> int:
    """Of all files in a folder; those that other processes remove meanwhile are left out."""
    held = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            held += path.lstat().st_size
    return held


def remove(*folders: Path) -> None:
    """Delete folders; what cannot be deleted goes with the server."""
    for folder in folders:
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)

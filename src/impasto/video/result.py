"""What the painting of a clip ends in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from impasto.jobs.results import Result


@dataclass(frozen=True)
class VideoResult(Result):
    """A clip that was painted; the picture of the result is its last frame.

    Attributes:
        path: The file or the folder; None if the work was stopped.
        frames: Frames that are painted and kept, in all runs.
        expected: Frames that the clip has, as far as its file says.
        painted: Frames that this run painted.
    """

    path: Path | None = None
    frames: int = 0
    expected: int = 0
    painted: int = 0

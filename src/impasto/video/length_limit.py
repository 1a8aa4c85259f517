"""How much of a clip is painted at most, where somebody else has sent it."""

from __future__ import annotations

import math
from pathlib import Path

from impasto.errors import InputDataError, option
from impasto.jobs.video_request import ClipLimits
from impasto.runtime.files import shown


class LengthLimit:
    """Refuses a clip that is too long, before and while it is painted.

    Args:
        limits: Of the run.
        name: Of the clip.
        size: Height and width of the painted frames.
    """

    def __init__(self, limits: ClipLimits, name: object, size: tuple[int, int]) -> None:
        self._limits, self._name, self._size = limits, shown(Path(str(name))), size

    def check(self, frames: int, seconds: float) -> None:
        """Check how much is painted, as the file says or so far.

        Raises:
            InputDataError: If it is more than is allowed.
        """
        limits, (height, width) = self._limits, self._size
        if seconds > limits.seconds:
            raise InputDataError(
                f"{self._name} is to be painted for {_about(seconds)} s, and {limits.seconds:g} s "
                f"are painted at most: give an earlier {option('end')}."
            )
        if frames > limits.frames:
            raise InputDataError(
                f"{self._name} is to be painted in {frames} frames, and {limits.frames:g} are "
                f"painted at most: give an earlier {option('end')}, or a lower {option('fps')}."
            )
        if frames * height * width > limits.pixels:
            raise InputDataError(
                f"{frames} frames of {width}×{height} px have more than the {limits.pixels:g} px "
                f"that are painted of a clip: give a smaller {option('size')}, or an earlier "
                f"{option('end')}."
            )


def _about(seconds: float) -> str:
    return f"{seconds:.1f}" if math.isfinite(seconds) and seconds < 1e6 else "very many"

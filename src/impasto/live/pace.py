"""The size at which so many frames a second can be painted, by measurement."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from impasto.images.picture import fit_size

SIDES = (128, 160, 192, 224, 256, 288, 320, 352, 384, 448, 512, 576, 640, 768, 896, 1024, 1280,
         1600, 1920)  # fmt: skip
"""Long sides in pixels that are chosen from."""

_SHARE = 0.85
"""Share of a frame's time that painting may take; the rest is for reading and showing."""

_WINDOW = 24
"""Frames over which the pace is measured."""


def choose_side(
    size: tuple[int, int],
    seconds_of: Callable[[tuple[int, int]], float],
    *,
    fps: float,
    least: int = 0,
) -> int:
    """The largest long side of :data:`SIDES` that is painted so many times a second.

    Sizes are tried from the smallest; the time of the next is predicted from the pixels, so that
    none is tried that cannot do.

    Args:
        size: Height and width of the source, which is not enlarged.
        seconds_of: Height and width → seconds that painting a picture of that size takes.
        fps: Frames a second.
        least: Smallest short side that can be painted.
    """
    budget = _SHARE / fps
    sides = [side for side in SIDES if side < max(size)] + [max(size)]
    usable = [side for side in sides if min(fit_size(size, side)) >= least] or [max(size)]
    seconds_of(fit_size(size, usable[0]))  # the first pictures of a program take longer
    chosen, seconds, pixels = usable[0], 0.0, 0
    for side in usable:
        height, width = fit_size(size, side)
        if pixels and seconds * height * width / pixels > 1.5 * budget:
            break
        seconds, pixels = seconds_of((height, width)), height * width
        if seconds > budget:
            break
        chosen = side
    return chosen


class Pace:
    """Frames a second over the last second or so.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._times: deque[float] = deque(maxlen=_WINDOW + 1)

    def count(self) -> None:
        """A frame was shown now."""
        self._times.append(self._clock())

    @property
    def is_known(self) -> bool:
        """Whether enough frames were shown."""
        return len(self._times) > _WINDOW

    @property
    def fps(self) -> float:
        """Frames a second; 0 before the second frame."""
        if len(self._times) < 2:
            return 0.0
        return (len(self._times) - 1) / max(1e-9, self._times[-1] - self._times[0])

    def restart(self) -> None:
        """Measure anew."""
        self._times.clear()

"""The loop of live painting: the newest picture is painted and shown, keys are obeyed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from impasto import images
from impasto.errors import ImpastoError
from impasto.images.picture import fit_size
from impasto.live.looks import Looks
from impasto.live.outputs import LiveOutput
from impasto.live.pace import SIDES, Pace, choose_side
from impasto.live.sources import Newest, Taken
from impasto.video.frame import Frame

KEYS = {
    "n": "next style",
    "p": "previous style",
    "+": "stronger",
    "-": "weaker",
    "f": "freeze",
    "s": "save",
    "q": "quit",
}
"""Key → what it does."""

_TRIES = 4
"""Pictures that are painted to measure a size; the first of them has none before it."""

_HELD = 0.9
"""Share of the pace from which it counts as held."""


@dataclass(frozen=True)
class Shown:
    """A picture was shown.

    Attributes:
        painted: The picture, (1, 3, H, W) in [0, 1].
        number: Of pictures shown, from 1.
        dropped: Pictures of the source that were not painted.
        fps: Frames a second, lately.
        look: The style and its strength.
        message: What a key did, or why it could not.
    """

    painted: Tensor = field(repr=False)
    number: int
    dropped: int
    fps: float
    look: str
    message: str = ""


class LiveSession:
    """Paints what a source takes until it ends, a key is pressed or the time is over.

    Args:
        newest: The source.
        size: Height and width of its pictures.
        looks: How they are painted.
        output: Where they are shown.
        side: Long side at which they are painted; 0: as large as ``fps`` allows.
        fps: Frames a second to hold.
        seconds: When to end; 0: never.
        folder: Where pictures are saved.
        clock: Seconds.

    Attributes:
        painted_size: Height and width at which pictures are painted.
    """

    def __init__(
        self,
        newest: Newest,
        size: tuple[int, int],
        looks: Looks,
        output: LiveOutput,
        *,
        side: int = 0,
        fps: float = 20.0,
        seconds: float = 0.0,
        folder: Path = Path(),
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._newest, self._source_size, self._looks, self._output = newest, size, looks, output
        self._fps, self._seconds, self._folder, self._clock = fps, seconds, folder, clock
        self._is_measured = not side
        if not side:
            side = choose_side(size, self._seconds_of, fps=fps, least=looks.least_side)
        self.painted_size = fit_size(size, side)
        self._is_frozen, self._dropped_before = False, 0

    def _seconds_of(self, size: tuple[int, int]) -> float:
        """Seconds that painting a picture of a size takes: noise, so that no two are the same."""
        painter = self._looks.new_painter()
        generator, times = torch.Generator().manual_seed(0), []
        for number in range(_TRIES):
            noise = torch.rand(1, 3, *size, generator=generator)
            started = self._clock()
            painter(Frame(noise, Fraction(number), Fraction(1), number)).cpu()
            times.append(self._clock() - started)
        return min(times[1:])

    def run(self) -> Iterator[Shown]:
        """Paint and show; an item for each picture."""
        pace, number, last, dropped = Pace(self._clock), 0, -1, 0
        started = self._clock()
        painted: Tensor | None = None
        while not self._seconds or self._clock() - started < self._seconds:
            taken = self._newest.take(after=last)
            if taken is None:
                return
            dropped, last = dropped + taken.number - last - 1, taken.number
            if painted is None or not self._is_frozen:
                painted = self._paint(taken)
            number += 1
            pace.count()
            status = f"{self._looks.name}, {pace.fps:.1f} frames/s"
            key = self._output.show(painted, status)
            if key == "q":
                return
            message = self._obey(key, painted)
            if self._is_measured and not self._is_frozen and self._shrink(pace, dropped):
                message = f"painted at {self.painted_size[1]}×{self.painted_size[0]} px from now on"
            yield Shown(painted, number, dropped, pace.fps, self._looks.name, message)

    def _paint(self, taken: Taken) -> Tensor:
        image = taken.read(self.painted_size)
        when = Fraction(taken.seconds).limit_denominator(1000)
        return self._looks.painter(Frame(image, when, Fraction(1, 30), taken.number))

    def _shrink(self, pace: Pace, dropped: int) -> bool:
        """Paint at the next smaller size if the pace is not held; whether it was done."""
        if not pace.is_known or pace.fps >= _HELD * self._fps:
            return False
        # A source that is slower than the pace drops nothing.
        if dropped == self._dropped_before:
            return False
        smaller = [s for s in SIDES if s < max(self.painted_size)]
        size = fit_size(self._source_size, smaller[-1]) if smaller else (0, 0)
        if min(size) < self._looks.least_side:
            return False
        self.painted_size, self._dropped_before = size, dropped
        pace.restart()
        return True

    def _obey(self, key: str, painted: Tensor) -> str:
        """Do what a key says; what was done, or why it could not be."""
        try:
            if key in ("n", "p"):
                self._looks.change(1 if key == "n" else -1)
                return self._looks.name
            if key in ("+", "=", "-"):
                self._looks.strengthen(-1 if key == "-" else 1)
                return self._looks.name
            if key == "f":
                self._is_frozen = not self._is_frozen
                return "frozen" if self._is_frozen else "goes on"
            if key == "s":
                path = free_name(self._folder)
                images.write(path, painted)
                return f"saved {path}"
        except ImpastoError as error:
            return error.message
        return ""


def free_name(folder: Path) -> Path:
    """``live-001.png`` or the first number after it that is free."""
    number = 1
    while (path := folder / f"live-{number:03}.png").exists():
        number += 1
    return path

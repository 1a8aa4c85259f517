"""Clips: what their files say, and their pictures with the times at which they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Protocol, TypeAlias

from torch import Tensor

from impasto.errors import InputDataError
from impasto.video.colours import Coding

PictureAndAlpha: TypeAlias = tuple[Tensor, Tensor | None]
"""(1, 3, H, W) in [0, 1], sRGB, and the opacity (1, 1, H, W) or None."""


@dataclass(frozen=True)
class ClipInfo:
    """What a clip's file says of it.

    Attributes:
        path: The file or folder.
        size: Height and width of its pictures, upright and with square pixels.
        rate: Frames a second, on average.
        frames: Their number, if the file says; else an estimate, or 0 if nothing is known.
        seconds: How long it is, or 0 if nothing is known.
        time_base: Unit of its times in seconds; times are whole multiples of it.
        coding: What its numbers mean as colours.
        has_alpha: Whether its pictures may be transparent.
        turned: Degrees by which its pictures are turned to be upright.
        metadata: Title, author and the like.
        loops: How often an animation is shown; 0 for ever.
        names: Names of the files of a folder of frames.
    """

    path: Path
    size: tuple[int, int]
    rate: Fraction
    frames: int = 0
    seconds: float = 0.0
    time_base: Fraction = Fraction(1, 1000)
    coding: Coding = Coding()  # noqa: RUF009 (frozen)
    has_alpha: bool = False
    turned: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    loops: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shown:
    """A picture of a clip that is not converted yet.

    Attributes:
        pts: When it is shown, in seconds of the clip.
        duration: How long, in seconds.
        read: Makes the picture, at the size of :attr:`ClipInfo.size`.
    """

    pts: Fraction
    duration: Fraction
    read: Callable[[], PictureAndAlpha]


class Clip(Protocol):
    """A clip that is open for reading.

    Attributes:
        info: What its file says.
        problems: Sentences on what could not be read, known when its pictures have been read.
    """

    info: ClipInfo
    problems: list[str]

    def shown(self, begin: Fraction = Fraction(0)) -> Iterator[Shown]:
        """Its pictures in order; those that are shown before ``begin`` may be left out."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def check_frames(path: Path, count: int, most: float) -> None:
    """Refuse a clip of which too many frames are read.

    Args:
        path: Its file.
        count: Frames that were read.
        most: That are allowed.

    Raises:
        InputDataError: If there are more.
    """
    if count > most:
        raise InputDataError(
            f"{path} has more than the {most:.0f} frames that are read of a clip: send a shorter "
            "one."
        )


def selected(
    clip: Clip,
    *,
    start: Fraction,
    end: Fraction | None,
    fps: Fraction | None,
    first: int = 0,
    after: Fraction | None = None,
) -> Iterator[tuple[int, Shown]]:
    """The pictures that are painted, numbered; their times count from ``start``.

    Args:
        clip: The clip.
        start: Seconds into the clip from which pictures are painted.
        end: Seconds into the clip at which they end; None for its end.
        fps: Pictures a second, each the one that the clip shows at that time; None for the clip's.
        first: Number of the first picture that is wanted.
        after: Time of the picture before it, from ``start`` on, if there is one.

    Yields:
        Number and picture.
    """
    if fps is not None:
        yield from _at_rate(clip, start, end, fps, first)
        return
    number, last = first, None if after is None else start + after
    for shown in clip.shown(start if last is None else last):
        if shown.pts < start or (last is not None and shown.pts <= last):
            continue
        if end is not None and shown.pts >= end:
            return
        last = shown.pts
        yield number, Shown(shown.pts - start, shown.duration, shown.read)
        number += 1


def _at_rate(
    clip: Clip, start: Fraction, end: Fraction | None, fps: Fraction, first: int
) -> Iterator[tuple[int, Shown]]:
    number, current = first, None
    for shown in clip.shown(start + first / fps):
        while current is not None and start + number / fps < shown.pts:
            if end is not None and start + number / fps >= end:
                return
            yield number, Shown(number / fps, 1 / fps, current.read)
            number += 1
        current = shown
    if current is None:
        return
    last = current.pts + current.duration
    while start + number / fps < (last if end is None else min(last, end)):
        yield number, Shown(number / fps, 1 / fps, current.read)
        number += 1

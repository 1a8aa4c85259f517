"""Animations read by Pillow: GIF, APNG and WebP."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

from PIL import Image, ImageSequence

from impasto import images
from impasto.errors import ImageError, InputDataError
from impasto.images.decoding import check_pixels
from impasto.images.opening import OpenedFile, open_file
from impasto.video.clip import ClipInfo, PictureAndAlpha, Shown, check_frames
from impasto.video.colours import Coding

ANIMATION_SUFFIXES = (".gif", ".png", ".apng", ".webp")

_BEGINNINGS = (b"GIF8", b"\x89PNG\r\n\x1a\n")

_MILLISECOND = Fraction(1, 1000)
_NO_DURATION = 100
"""Milliseconds of a frame that says 0: what browsers make of it."""


class AnimationFile:
    """An animation that is open for reading; see :class:`impasto.video.clip.Clip`.

    Args:
        path: The file.
        max_pixels: Larger pictures are refused.
        max_frames: Animations with more frames are refused.

    Raises:
        InputDataError: If it is no animation that can be read.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_pixels: int = images.MAX_PIXELS,
        max_frames: float = math.inf,
    ) -> None:
        if not path.is_file():
            raise InputDataError(f"There is no clip {path}: check its name and folder.")
        self._path, self._max_frames = path, max_frames
        self.problems: list[str] = []
        opened = self._open()
        check_pixels(opened, str(path), max_pixels)
        image = opened.image
        if not getattr(image, "is_animated", False):  # counting them would read the whole file
            raise InputDataError(
                f"{path} is a single picture, and no animation: impasto stylize paints it."
            )
        durations = self._durations(image)
        seconds = sum(durations) / 1000
        self.info = ClipInfo(
            path,
            (image.height, image.width),
            Fraction(len(durations) * 1000, max(1, sum(durations))),
            len(durations),
            seconds,
            _MILLISECOND,
            Coding(matrix=0, transfer=13, is_full=True),
            has_alpha=image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info,
            loops=_loops(image),
        )
        self._size = image.size

    def _open(self) -> OpenedFile:
        try:
            return open_file(self._path)
        except ImageError as error:
            raise InputDataError(error.message) from error

    def _durations(self, image: Image.Image) -> list[int]:
        """Milliseconds of every frame that can be read."""
        durations = []
        try:
            for frame in ImageSequence.Iterator(image):
                frame.load()
                durations.append(_duration(frame))
                check_frames(self._path, len(durations), self._max_frames)
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            if not durations:
                raise InputDataError(f"{self._path} cannot be read ({error}).") from error
            self.problems.append(
                f"{self._path} is cut off or damaged: {len(durations)} of its frames can be read, "
                "and are used."
            )
        return durations

    def shown(self, begin: Fraction = Fraction(0)) -> Iterator[Shown]:
        """Its pictures in order."""
        image = self._open().image
        time = 0
        # No further than what could be read before: the next frame may be damaged.
        for frame in itertools.islice(ImageSequence.Iterator(image), self.info.frames):
            copy = frame.convert("RGBA" if self.info.has_alpha else "RGB")
            duration = _duration(frame)  # WebP's is known when its pixels are
            yield Shown(time * _MILLISECOND, duration * _MILLISECOND, partial(_picture, copy))
            time += duration

    def close(self) -> None:
        """Nothing: it is read from memory."""


def begins_as_animation(path: Path) -> bool:
    """Whether a file begins as a GIF, PNG or WebP does, whatever its name."""
    try:
        with path.open("rb") as file:
            begin = file.read(12)
    except OSError:
        return False
    return begin.startswith(_BEGINNINGS) or (begin[:4] == b"RIFF" and begin[8:] == b"WEBP")


def _loops(image: Image.Image) -> int:
    """How often it is shown, 0 for ever; a GIF tells how often it is shown again, or nothing."""
    if image.format != "GIF":
        return int(image.info.get("loop", 0))
    again = image.info.get("loop")
    return 1 if again is None else int(again) + 1 if again else 0


def _duration(frame: Image.Image) -> int:
    """Milliseconds of a frame; WebP and APNG may say a fraction."""
    given = frame.info.get("duration", _NO_DURATION)
    rounded = round(float(given))
    return _NO_DURATION if rounded < 1 else rounded


def _picture(image: Image.Image) -> PictureAndAlpha:
    picture = images.from_pil(image)
    return picture.tensor, picture.alpha

"""Folders of frames, in the order of the numbers in their names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path

from impasto import images
from impasto.errors import InputDataError
from impasto.images.picture import resize
from impasto.video.clip import ClipInfo, PictureAndAlpha, Shown
from impasto.video.colours import Coding

FOLDER_RATE = Fraction(25)
"""Frames a second of a folder for which nothing else is said."""

_SAME_SHAPE = 0.02  # difference of the sides' ratio


class FrameFolder:
    """A folder of frames, open for reading; see :class:`impasto.video.clip.Clip`.

    Args:
        path: The folder.
        rate: Frames a second.
        exclude: A folder in it that is left out: that of the results.
        max_pixels: Larger pictures are refused.

    Raises:
        InputDataError: If it holds no pictures that can be read.
    """

    def __init__(
        self,
        path: Path,
        *,
        rate: Fraction = FOLDER_RATE,
        exclude: Path | None = None,
        max_pixels: int = images.MAX_PIXELS,
    ) -> None:
        files = sorted(images.list_pictures(path, exclude=exclude), key=_natural_key)
        self._files, self._max_pixels = files, max_pixels
        self.problems: list[str] = []
        names = tuple(file.relative_to(path).with_suffix("").as_posix() for file in files)
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InputDataError(
                f"{path} has two pictures called {twice}: leave one frame of each name."
            )
        first = images.read(files[0], max_pixels=max_pixels)
        self.info = ClipInfo(
            path,
            first.size,
            rate,
            len(files),
            float(len(files) / rate),
            1 / rate,
            Coding(matrix=0, transfer=13, is_full=True),
            has_alpha=first.alpha is not None,
            names=names,
        )

    def shown(self, begin: Fraction = Fraction(0)) -> Iterator[Shown]:
        """Its pictures in order."""
        step = 1 / self.info.rate
        for number, file in enumerate(self._files):
            if number * step >= begin - step:
                yield Shown(number * step, step, partial(self._picture, file))

    def _picture(self, file: Path) -> PictureAndAlpha:
        picture = images.read(file, max_pixels=self._max_pixels)
        (height, width), (own_height, own_width) = self.info.size, picture.size
        if abs(own_width * height / (own_height * width) - 1) > _SAME_SHAPE:
            raise InputDataError(
                f"{file} has {own_width}×{own_height} px and the first frame {width}×{height} px, "
                "another shape: give all frames of a clip one shape."
            )
        alpha = None if picture.alpha is None else resize(picture.alpha, self.info.size)
        return resize(picture.tensor, self.info.size), alpha

    def close(self) -> None:
        """Nothing is open."""


def _natural_key(path: Path) -> tuple[str, list[str | int], str]:
    """Compares numbers in names by value: frame2 before frame10."""
    parts = re.split(r"(\d+)", path.stem)
    numbered = [int(part) if index % 2 else part for index, part in enumerate(parts)]
    return str(path.parent), numbered, path.name

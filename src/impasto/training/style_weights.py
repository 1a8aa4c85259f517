"""How often each style picture is drawn in training, by its file name.

A collection has many pictures of some kinds and few of others. A weights file evens that out::

    # pattern weight
    *hokusai* 2.5
    texture-* 0.5
"""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Callable
from pathlib import Path

from impasto.errors import InputDataError
from impasto.runtime.reading import read_capped


def _lines(path: Path) -> list[str]:
    try:
        return read_capped(path, error=InputDataError).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputDataError(f"{path} cannot be read as text: {error}.") from error


def read_style_weights(path: Path) -> Callable[[Path], float]:
    """The function from a picture's path to its weight that a file describes.

    Each line has a pattern of file names (``*``, ``?``), and a weight above 0. The first that fits
    counts; a picture that none fits has weight 1. Empty lines and those with ``#`` are left out.

    Raises:
        InputDataError: If the file cannot be read, or a line is not of that form.
    """
    rules: list[tuple[str, float]] = []
    for number, line in enumerate(_lines(path), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pattern, _, weight = line.strip().rpartition(" ")
        try:
            value = float(weight)
        except ValueError:
            value = math.nan
        if not pattern or not 0 < value < math.inf:
            raise InputDataError(
                f"{path}, line {number}: expected a pattern of file names and a weight above 0, "
                f"such as '*hokusai* 2.5', not {line.strip()!r}."
            )
        rules.append((pattern.strip(), value))

    def weight_of(picture: Path) -> float:
        return next((w for pattern, w in rules if fnmatch.fnmatch(picture.name, pattern)), 1.0)

    return weight_of

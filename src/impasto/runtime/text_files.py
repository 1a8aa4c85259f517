"""Text files in UTF-8, whatever the locale, and whatever bytes file names consist of."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TextIO


def open_table(path: Path, mode: Literal["r", "w", "a"]) -> TextIO:
    r"""Open a CSV file to be used by the module :mod:`csv`.

    Names that are not valid UTF-8 are written with escapes (``\udcff``).
    """
    return path.open(mode, newline="", encoding="utf-8", errors="backslashreplace")

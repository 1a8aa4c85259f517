"""The pictures in a folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from impasto.errors import InputDataError
from impasto.images.file_kinds import HEIC_SUFFIXES, OTHER_SUFFIXES, RAW_SUFFIXES
from impasto.images.formats import FORMATS
from impasto.runtime.files import real_path
from impasto.runtime.optional import LIBRARIES, is_installed

# Formats that Pillow opens for their header alone, or by another program; and what is no picture
# that anyone would paint.
_NOT_PICTURES = frozenset({
    ".bufr", ".eps", ".fit", ".fits", ".grib", ".h5", ".hdf", ".emf", ".wmf", ".mpg", ".mpeg",
    ".pdf", ".ps", ".cur", ".iim", ".palm", ".ftc", ".ftu", ".gbr", ".wal", ".mic", ".fpx", ".ani",
    *HEIC_SUFFIXES, *RAW_SUFFIXES,
})  # fmt: skip

_MAC_FOLDER = "__MACOSX"
"""What a Mac adds to archives: a file beside each file."""


@dataclass(frozen=True)
class FoundPictures:
    """What a folder holds.

    Attributes:
        pictures: Files that can be read, sorted by path.
        unread: Pictures that cannot, sorted by path.
    """

    pictures: list[Path]
    unread: list[Path]

    def unread_notes(self) -> list[str]:
        """A sentence for each kind of picture that cannot be read, without a full stop."""
        notes = []
        kinds = Counter(path.suffix.lower() for path in self.unread)
        for suffix, count in sorted(kinds.items()):
            first = next(path for path in self.unread if path.suffix.lower() == suffix)
            others = f" and {count - 1} more of its kind" if count > 1 else ""
            verb = "are" if count > 1 else "is"
            notes.append(f"{first}{others} {verb} not read: {_remedy(suffix)}")
        return notes


def find_pictures(folder: str | Path, *, exclude: Path | None = None) -> FoundPictures:
    """All picture files below a folder; hidden files and folders are passed over.

    Args:
        folder: The folder to search.
        exclude: A folder within it to leave out, such as the output folder of an earlier run.

    Raises:
        InputDataError: If the folder does not exist or holds no pictures that can be read.
    """
    folder = Path(folder)
    if not os.path.isdir(folder):
        raise InputDataError(f"There is no folder {folder}: name a folder of pictures.")
    readable, all_suffixes = readable_suffixes(), picture_suffixes()
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in all_suffixes
        and not is_hidden(path.relative_to(folder).parts)
        and os.path.isfile(path)
    )
    found = FoundPictures(*_split(paths, readable))
    if not found.pictures:
        notes = "; ".join(found.unread_notes())
        raise InputDataError(
            f"The folder {folder} holds no pictures that can be read: {notes}."
            if notes
            else f"The folder {folder} holds no pictures ({', '.join(FORMATS)} and others)."
        )
    if exclude is not None and real_path(folder) in real_path(exclude).parents:
        excluded = real_path(exclude)
        paths = [path for path in paths if excluded not in real_path(path).parents]
        found = FoundPictures(*_split(paths, readable))
        if not found.pictures:
            raise InputDataError(f"The folder {folder} holds no pictures but those of {exclude}.")
    return found


def list_pictures(folder: str | Path, *, exclude: Path | None = None) -> list[Path]:
    """The pictures of :func:`find_pictures` that can be read, sorted by path."""
    return find_pictures(folder, exclude=exclude).pictures


def readable_suffixes() -> frozenset[str]:
    """The extensions of pictures that can be read, in lower case."""
    Image.init()
    pillow = {s for s, name in Image.registered_extensions().items() if name in Image.OPEN}
    heic = HEIC_SUFFIXES if is_installed("pillow_heif") else frozenset()
    raw = RAW_SUFFIXES if is_installed("rawpy") else frozenset()
    return frozenset((pillow | {".jif", ".mpo"}) - _NOT_PICTURES) | heic | raw


def picture_suffixes() -> frozenset[str]:
    """The extensions of all pictures, also of those that cannot be read, in lower case."""
    return readable_suffixes() | HEIC_SUFFIXES | RAW_SUFFIXES | OTHER_SUFFIXES | {".avif"}


def is_hidden(parts: Iterable[str]) -> bool:
    """Whether a file with these parts of its path is to be passed over."""
    return any(part.startswith(".") or part == _MAC_FOLDER for part in parts)


def _split(paths: list[Path], readable: frozenset[str]) -> tuple[list[Path], list[Path]]:
    def can_read(path: Path) -> bool:
        return path.suffix.lower() in readable

    return [p for p in paths if can_read(p)], [p for p in paths if not can_read(p)]


def _remedy(suffix: str) -> str:
    for suffixes, module in ((HEIC_SUFFIXES, "pillow_heif"), (RAW_SUFFIXES, "rawpy")):
        if suffix in suffixes:
            extra = LIBRARIES[module][1]
            return f"pip install '.[{extra}]' in the clone, or save as PNG"
    return "save as PNG"

"""Folders of styles: each picture of the folder is a style, over each photograph."""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from impasto import images
from impasto.errors import OptionError
from impasto.jobs.requests import StyleInput


@dataclass(frozen=True)
class StyleSet:
    """The styles of one painting of each photograph.

    Attributes:
        styles: Mixed with each other.
        name: What it adds to the names of outputs; empty if there is only one.
    """

    styles: tuple[StyleInput, ...] = ()
    name: str = ""


def style_sets(
    styles: Sequence[StyleInput], *, known_names: Collection[str] = (), exclude: Path | None = None
) -> tuple[list[StyleSet], list[tuple[Path, str]]]:
    """The styles to paint in, one after another; and what a folder holds that cannot be read.

    The pictures of a folder take its place in turn, with its weight and level. Hidden files are
    passed over.

    Args:
        styles: As named by a person.
        known_names: Names of styles, which come before folders of the same name.
        exclude: A folder within that of the styles to leave out, such as that of the outputs.

    Raises:
        OptionError: For more than one folder.
        InputDataError: For a folder without pictures.
    """
    folders = [style for style in styles if _is_folder(style, known_names)]
    if not folders:
        return [StyleSet(tuple(styles))], []
    if len(folders) > 1:
        raise OptionError(
            f"{folders[0].name} and {folders[1].name} are folders of styles: name one at a time."
        )
    (folder,) = folders
    found = images.find_pictures(folder.name, exclude=exclude)
    sets = []
    for path, name in zip(found.pictures, _names(found.pictures, Path(folder.name)), strict=True):
        chosen = dataclasses.replace(folder, source=str(path))
        mixed = tuple(chosen if style is folder else style for style in styles)
        sets.append(StyleSet(mixed, name))
    return sets, [(Path(folder.name), f"{note}.") for note in found.unread_notes()]


def _is_folder(style: StyleInput, known_names: Collection[str]) -> bool:
    source = style.source
    return isinstance(source, str) and source not in known_names and os.path.isdir(source)


def _names(pictures: Sequence[Path], folder: Path) -> list[str]:
    """Names of pictures, without their extensions unless these tell them apart."""
    parts = [path.relative_to(folder) for path in pictures]
    stems = ["-".join(part.with_suffix("").parts) for part in parts]
    counts = Counter(stems)
    return [
        stem if counts[stem] == 1 else f"{stem}-{part.suffix[1:]}"
        for stem, part in zip(stems, parts, strict=True)
    ]

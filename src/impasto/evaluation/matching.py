"""Find the content and the style that a result was made from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from impasto.errors import ImageError, InputDataError
from impasto.images.picture import Picture, fit_size, list_pictures
from impasto.jobs.provenance import Provenance, read_provenance
from impasto.runtime.files import real_path
from impasto.runtime.in_memory import name_of
from impasto.runtime.strangers_paths import is_network_name

_SIZE_TOLERANCE = 0.03  # of a side: networks and tiles round sizes


@dataclass(frozen=True)
class References:
    """The pictures that a result is compared with."""

    content: Path
    style: Path


def picture_files(path: Path, *, exclude: Path | None = None) -> list[Path]:
    """The picture files of a folder and its subfolders, sorted; or the one file named.

    Raises:
        InputDataError: The path does not exist, or the folder has no pictures.
    """
    if os.path.isfile(path):
        return [path]
    if not os.path.isdir(path):
        raise InputDataError(f"There is no folder or file {path}: check its name.")
    return list_pictures(path, exclude=exclude)


class PictureIndex:
    """Finds pictures by name in a folder and its subfolders, or in one file.

    Raises:
        InputDataError: There are no pictures.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files = picture_files(path)

    def __str__(self) -> str:
        return str(self.path) if self.is_file else f"in {self.path}"

    @property
    def single(self) -> Path | None:
        """The picture, if there is exactly one."""
        return self._files[0] if len(self._files) == 1 else None

    @property
    def is_file(self) -> bool:
        """Whether ``path`` is a file."""
        return self._files == [self.path]

    def find(self, name: str) -> Path | None:
        """The picture with the file name of a path, or else with its stem.

        Args:
            name: A path that may have been recorded on another machine.

        Raises:
            InputDataError: Several pictures match, none of them at exactly that path.
        """
        target = PurePath(name.replace("\\", "/"))
        matches = [p for p in self._files if p.name == target.name]
        matches = matches or [p for p in self._files if p.stem in (target.stem, target.name)]
        if is_network_name(name):  # a stranger's, perhaps: not even looked for
            return self._unique(matches, target.name)
        exact = [p for p in matches if real_path(p) == real_path(Path(name))]
        return self._unique(exact or matches, target.name)

    def find_stem(self, stem: str) -> Path | None:
        """The picture with that file name, without extension.

        Raises:
            InputDataError: There are several.
        """
        return self._unique([p for p in self._files if p.stem == stem], stem)

    def _unique(self, matches: list[Path], name: str) -> Path | None:
        if len(matches) > 1:
            raise InputDataError(
                f"{matches[0]} and {matches[1]} could both be '{name}': rename one of them."
            )
        return matches[0] if matches else None


def find_references(
    result: Path, metadata: Mapping[str, str], contents: PictureIndex, styles: PictureIndex
) -> References:
    """The content and style of a result, by its metadata or else by its file name.

    A file name is CONTENT-STYLE, or that of a content if there is a single style, or that of a
    style if there is a single content. A result without any of these belongs to ``contents`` and
    ``styles`` if both are files.

    Raises:
        InputDataError: There is no match, or more than one.
    """
    provenance = read_provenance(metadata)
    if len(provenance.styles) > 1:
        names = ", ".join(name for name, _ in provenance.styles)
        raise InputDataError(
            f"{result} mixes {len(provenance.styles)} styles ({names}): it can be compared with "
            "one only."
        )
    style_name = provenance.styles[0][0] if provenance.styles else ""
    content = contents.find(provenance.content) if provenance.content else None
    style = styles.find(style_name) if style_name else None
    if content and style:
        return References(content, style)
    by_name = _by_file_name(result, contents, styles)
    if by_name is not None:
        return by_name
    if not provenance.content and not style_name and contents.is_file and styles.is_file:
        return References(contents.path, styles.path)
    raise InputDataError(f"{result} {_reason(provenance, contents, styles)}")


def resize_to_result(content: Picture, size: tuple[int, int]) -> Picture:
    """A content resized to the (height, width) of its result, which may have been rounded.

    Raises:
        ImageError: The aspect ratios differ by more than rounding.
    """
    expected = fit_size(content.size, max(size))
    for side, result_side in zip(expected, size, strict=True):
        if abs(side - result_side) > max(2, _SIZE_TOLERANCE * side):
            raise ImageError(
                f"{name_of(content.path)} is {expected[1]}×{expected[0]} px at the size of its "
                f"result, which is {size[1]}×{size[0]} px: the one was not painted from the other."
            )
    return content.resized(size)


def _by_file_name(result: Path, contents: PictureIndex, styles: PictureIndex) -> References | None:
    stem, candidates = result.stem, []
    for index, letter in enumerate(stem):
        if letter == "-":
            content, style = contents.find_stem(stem[:index]), styles.find_stem(stem[index + 1 :])
            candidates.append((content, style))
    matches = [References(content, style) for content, style in candidates if content and style]
    if len(matches) > 1:
        first, second = matches[:2]
        raise InputDataError(
            f"{result} could be named after {first.content.name} and {first.style.name} or "
            f"after {second.content.name} and {second.style.name}: rename it."
        )
    for content, style in (
        (contents.find_stem(stem), styles.single),
        (contents.single, styles.find_stem(stem)),
    ):
        if content and style:
            matches.append(References(content, style))
    return matches[0] if matches else None


def _reason(provenance: Provenance, contents: PictureIndex, styles: PictureIndex) -> str:
    """Why a result has no match, as the end of a sentence."""
    style = provenance.styles[0][0] if provenance.styles else ""
    if provenance.content and contents.find(provenance.content) is None:
        return f"was painted from {provenance.content}, which is not {contents}."
    if style and styles.find(style) is None:
        return f"was painted in the style of {style}, which is not {styles}."
    missing = "which style it was painted in" if provenance.content else "what it was painted from"
    return (
        f"does not say {missing}, and its name is neither CONTENT-STYLE nor that of a content "
        "with a single style: rename it."
    )

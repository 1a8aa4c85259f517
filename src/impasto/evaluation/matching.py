"""Which content and which style a result belongs to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

from impasto.errors import ImageError, InputDataError
from impasto.images.picture import Picture, fit_size, list_pictures
from impasto.runtime.provenance import Provenance, read_provenance

_SLACK = 0.03  # of a side, by which sizes are rounded


@dataclass(frozen=True)
class Match:
    """What a result is compared with."""

    content: Path
    style: Path


def picture_files(place: Path, *, apart_from: Path | None = None) -> list[Path]:
    """The picture files in a folder and the folders in it, in order; or the one file named.

    Args:
        place: Where.
        apart_from: See :func:`impasto.images.picture.list_pictures`.

    Raises:
        InputDataError: If there is no such place, or no picture in the folder.
    """
    if os.path.isfile(place):
        return [place]
    if not os.path.isdir(place):
        raise InputDataError(f"There is no folder or file {place}: check its name.")
    return list_pictures(place, apart_from=apart_from)


class PictureIndex:
    """Pictures found by their names.

    Args:
        place: A folder, or one file.

    Raises:
        InputDataError: If there are none.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self._files = picture_files(place)

    def __str__(self) -> str:
        return str(self.place) if self.is_file else f"in {self.place}"

    @property
    def only(self) -> Path | None:
        """The one picture, if there is but one."""
        return self._files[0] if len(self._files) == 1 else None

    @property
    def is_file(self) -> bool:
        """Whether one file was named."""
        return self._files == [self.place]

    def find(self, name: str) -> Path | None:
        """The picture of a path told elsewhere: by its file name, or else without extension.

        Raises:
            InputDataError: If several go by that name, none of them at the path itself.
        """
        wanted = PurePath(name.replace("\\", "/"))
        alike = [p for p in self._files if p.name == wanted.name]
        alike = alike or [p for p in self._files if p.stem in (wanted.stem, wanted.name)]
        exactly = [p for p in alike if p.resolve() == Path(name).resolve()]
        return self._one(exactly or alike, wanted.name)

    def named(self, stem: str) -> Path | None:
        """The picture called so, without its extension.

        Raises:
            InputDataError: If several are.
        """
        return self._one([p for p in self._files if p.stem == stem], stem)

    def _one(self, found: list[Path], name: str) -> Path | None:
        if len(found) > 1:
            raise InputDataError(
                f"{found[0]} and {found[1]} could both be '{name}': rename one of them."
            )
        return found[0] if found else None


def match(
    result: Path, metadata: Mapping[str, str], contents: PictureIndex, styles: PictureIndex
) -> Match:
    """What a result was painted from: as its file says, or else by its file name.

    A name is CONTENT-STYLE, or that of a content where there is a single style, or that of a style
    where there is a single content. One that says nothing belongs to two files named as such.

    Args:
        result: The result's path.
        metadata: What its file says, see :func:`impasto.images.picture.read_metadata`.
        contents: Where contents are.
        styles: Where styles are.

    Raises:
        InputDataError: If that leads to none, or to several.
    """
    origin = read_provenance(metadata)
    if len(origin.styles) > 1:
        names = ", ".join(name for name, _ in origin.styles)
        raise InputDataError(
            f"{result} mixes {len(origin.styles)} styles ({names}): one is needed to compare with."
        )
    style_name = origin.styles[0][0] if origin.styles else ""
    content = contents.find(origin.content) if origin.content else None
    style = styles.find(style_name) if style_name else None
    if content and style:
        return Match(content, style)
    by_name = _by_name(result, contents, styles)
    if by_name is not None:
        return by_name
    if not origin.content and not style_name and contents.is_file and styles.is_file:
        return Match(contents.place, styles.place)
    raise InputDataError(f"{result} {_reason(origin, contents, styles)}")


def brought_to(content: Picture, size: tuple[int, int]) -> Picture:
    """A content at its result's height and width, which are rounded to what nets and tiles take.

    Raises:
        ImageError: If the shapes differ by more than that.
    """
    wanted = fit_size(content.size, max(size))
    for side, other in zip(wanted, size, strict=True):
        if abs(side - other) > max(2, _SLACK * side):
            raise ImageError(
                f"{content.path} is {wanted[1]}×{wanted[0]} px at the size of its result, which is "
                f"{size[1]}×{size[0]} px: the one was not painted from the other."
            )
    return content.resized(size)


def _by_name(result: Path, contents: PictureIndex, styles: PictureIndex) -> Match | None:
    stem, found = result.stem, []
    for place, letter in enumerate(stem):
        if letter == "-":
            found.append((contents.named(stem[:place]), styles.named(stem[place + 1 :])))
    pairs = [Match(content, style) for content, style in found if content and style]
    if len(pairs) > 1:
        raise InputDataError(
            f"{result} could be named after {pairs[0].content.name} and {pairs[0].style.name} or "
            f"after {pairs[1].content.name} and {pairs[1].style.name}: rename it."
        )
    for content, style in (
        (contents.named(stem), styles.only),
        (contents.only, styles.named(stem)),
    ):
        if content and style:
            pairs.append(Match(content, style))
    return pairs[0] if pairs else None


def _reason(origin: Provenance, contents: PictureIndex, styles: PictureIndex) -> str:
    style = origin.styles[0][0] if origin.styles else ""
    if origin.content and contents.find(origin.content) is None:
        return f"was painted from {origin.content}, which is not {contents}."
    if style and styles.find(style) is None:
        return f"was painted after {style}, which is not {styles}."
    what = "which style it was painted after" if origin.content else "what it was painted from"
    return (
        f"does not say {what}, and its name is neither CONTENT-STYLE nor that of a content "
        "with a single style: rename it."
    )

"""Regions as they are named by the user: files of masks and styles, not read yet."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.errors import OptionError, unknown_name

if TYPE_CHECKING:
    from impasto.images.picture import PictureLike


REGION_COLOURS = ("style", "content")
"""Whose colours a region can have of its own."""


@dataclass(frozen=True)
class RegionSpec:
    """One region of a photograph, as named by the user.

    Masks are grey pictures: white is inside, black is outside. Masks and styles are paths or, from
    a program, pictures in memory (see :func:`impasto.read_image`).

    Attributes:
        name: Of the region.
        content_mask: The region in the photograph.
        style_mask: The part of the style picture that counts; None for all of it.
        style: A style picture of its own; None for the common styles.
        keep: Whether the photograph is kept here; then there is no style.
        colour: Whose colours it has, one of ``REGION_COLOURS``; "" for those of the whole picture.

    Raises:
        OptionError: For other colours, or for colours of a region that is kept.
    """

    name: str
    content_mask: PictureLike
    style_mask: PictureLike | None = None
    style: PictureLike | None = None
    keep: bool = False
    colour: str = ""

    def __post_init__(self) -> None:
        if self.colour and self.colour not in REGION_COLOURS:
            raise unknown_name(f"colour of the region {self.name}", self.colour, REGION_COLOURS)
        if self.colour and self.keep:
            raise OptionError(
                f"The region {self.name} stays as the photograph: leave its colour out."
            )


# The only colon in a path is that of a drive: a letter, a colon and a slash. There is no @.
_PATH = r"\s*((?:[A-Za-z]:(?=[\\/]))?[^:@]*[^:@\s])\s*"


_REGION = re.compile(rf"\s*([^=]*[^=\s])\s*={_PATH}(?:@{_PATH})?(?::{_PATH})?")


_COLOUR = re.compile(r"(.*[^,\s])\s*,\s*colou?r\s*=\s*(\w+)\s*", re.DOTALL)


def parse_region(text: str, *, is_file: Callable[[str], bool] = os.path.isfile) -> RegionSpec:
    r"""Parse ``NAME=CONTENT_MASK[@STYLE_PICTURE][:STYLE_MASK][,colour=COLOUR]``.

    - ``sky=c.png:s.png``: what is white in ``c.png`` is painted in the style of what is white in
      ``s.png``, a mask of the style picture.
    - ``sky=c.png@monet.jpg``: in the style of ``monet.jpg``; in one pass, also in a named style of
      the model.
    - ``sky=c.png@monet.jpg:s.png``: in the style of a part of ``monet.jpg``.
    - ``face=c.png`` or ``face=c.png@content``: the photograph is kept.
    - ``sky=c.png@monet.jpg,colour=content``: painted, with the photograph's colours.
    - ``sky=c.png,colour=content``: in the common styles, with the photograph's colours.

    A path may begin with a drive (``C:\c.png``), so ``c:/s.png`` is one file on drive C. Other
    ``:`` and ``@`` are parts of a path only if there is such a file.

    Args:
        text: The region.
        is_file: Tells whether there is a file of that name.

    Raises:
        OptionError: For any other text.
    """
    if region := _of_files(text, is_file):
        return region
    if match := _COLOUR.fullmatch(text):
        plain, colour = match.groups()
        region = parse_region(plain, is_file=is_file)
        is_kept = plain.rstrip().endswith("@content") and region.keep
        return replace(region, keep=is_kept, colour=colour)
    if match := _REGION.fullmatch(text):
        name, content, style, style_mask = match.groups()
        if style in (None, "content") and not style_mask:
            return RegionSpec(name, Path(content), keep=True)
        if style != "content":
            mask, picture = (Path(path) if path else None for path in (style_mask, style))
            return RegionSpec(name, Path(content), mask, picture)
    raise OptionError(
        f"The region '{text}' cannot be read: write it like sky=c.png:s.png, sky=c.png@monet.jpg, "
        "sky=c.png@monet.jpg:s.png, or face=c.png to keep the photograph there."
    )


def _of_files(text: str, is_file: Callable[[str], bool]) -> RegionSpec | None:
    """The region if its files exist, whatever their names; the longest names are preferred."""
    name, equals, rest = text.partition("=")
    if not (equals and name.strip()):
        return None
    for mask, sign, others in _cuts(rest.strip(), "@:"):
        if not is_file(mask):
            continue
        if not sign:
            return RegionSpec(name.strip(), Path(mask), keep=True)
        if sign == ":" and is_file(others):
            return RegionSpec(name.strip(), Path(mask), Path(others))
        for style, colon, style_mask in _cuts(others, ":") if sign == "@" else ():
            if is_file(style) and (not colon or is_file(style_mask)):
                part = Path(style_mask) if colon else None
                return RegionSpec(name.strip(), Path(mask), part, Path(style))
    return None


def _cuts(text: str, signs: str) -> Iterator[tuple[str, str, str]]:
    """The text before each of some signs, the sign and the text after it, longest first."""
    yield text, "", ""
    for place in range(len(text) - 1, 0, -1):
        if text[place] in signs:
            yield text[:place].strip(), text[place], text[place + 1 :].strip()

"""What the page tells of one picture."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from urllib.parse import quote_from_bytes

from impasto import images
from impasto.reports.gallery_commands import command_again, stylize_changes
from impasto.reports.gallery_recipes import changes
from impasto.reports.html import thumbnail
from impasto.runtime.provenance import Provenance, parsed, read_provenance

THUMBNAIL = 480
"""Long side of the pictures within the page, in pixels: sharp on screens of double density."""

_QUALITY = 80
_SOURCES = ("mask", "style mask", "canvas", "made as")


@dataclass(frozen=True)
class Card:
    """One picture of the page, all of it as text.

    Attributes:
        name: Of the file, from the folder shown.
        link: To the file, from the page.
        thumbnail: A data URI.
        size: Width and height in pixels.
        content: What was painted; empty if it is not told.
        styles: What it was painted like.
        preset: The recipe it is nearest to; empty if there is none.
        entries: What was changed of it, or of the command's usual options.
        command: The words of the line that makes it again, or None.
    """

    name: str
    link: str
    thumbnail: str
    size: tuple[int, int]
    content: str
    styles: tuple[str, ...]
    preset: str
    entries: Mapping[str, str]
    command: Sequence[str] | None


def read_card(path: Path, *, folder: Path, page: Path, max_pixels: int = images.MAX_PIXELS) -> Card:
    """The card of a picture.

    Args:
        path: The picture.
        folder: What the page shows.
        page: The page's file, which the link starts from.
        max_pixels: Refuse a larger picture.

    Raises:
        ImageError: If it is no picture, or too large.
    """
    metadata = images.read_metadata(path)
    picture = images.read(path, max_pixels=max_pixels)
    origin = read_provenance(metadata)
    shares = len(origin.styles) > 1
    preset, entries = _recipe(metadata)
    height, width = picture.size
    return Card(
        name=as_text(str(path.relative_to(folder))),
        link=quote_from_bytes(os.fsencode(os.path.relpath(path.resolve(), page.resolve().parent))),
        thumbnail=thumbnail(picture, THUMBNAIL, quality=_QUALITY),
        size=(width, height),
        content=_base(origin.content),
        styles=tuple(_base(n) + (f" × {share:g}" if shares else "") for n, share in origin.styles),
        preset=preset,
        entries=entries | _costs(origin),
        command=command_again(path, metadata),
    )


def _costs(origin: Provenance) -> dict[str, str]:
    """Time and memory, as far as they are told."""
    seconds, held = origin.seconds, origin.peak_bytes
    told = {} if seconds is None else {"seconds": f"{seconds:{'.1f' if seconds >= 1 else '.2g'}}"}
    return told if held is None else told | {"megabytes": f"{held / 1e6:.0f}"}


def _recipe(metadata: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    found = changes(metadata["recipe"]) if "recipe" in metadata else None
    preset, entries = found or ("", stylize_changes(metadata))
    if not preset and "stylize" in metadata:
        preset = "one pass"
    told = {name: as_text(metadata[name]) for name in _SOURCES if name in metadata}
    regions = parsed(metadata.get("regions", ""))
    if isinstance(regions, list) and regions:
        told["regions"] = ", ".join(map(str, regions))
    return preset, entries | told


def _base(name: str) -> str:
    return as_text(PurePath(name.replace("\\", "/")).name)


def as_text(name: str) -> str:
    """A name that can be written as UTF-8, whatever bytes it is made of."""
    return name.encode("utf-8", "replace").decode("utf-8")

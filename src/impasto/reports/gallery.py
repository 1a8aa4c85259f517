"""The gallery: a page of the results in a folder, each with how it was made."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from urllib.parse import quote_from_bytes

from impasto import images
from impasto.errors import ImpastoError
from impasto.jobs.provenance import Provenance, read_provenance
from impasto.jobs.request_json import from_metadata
from impasto.jobs.requests import (
    ReconstructRequest,
    Request,
    StylizeRequest,
    TextureRequest,
    name_of_source,
    region_text,
)
from impasto.reports import html
from impasto.reports.gallery_commands import rerun_command, stylize_changes
from impasto.reports.parts import nearest_preset
from impasto.runtime.files import real_path

THUMBNAIL = 480
"""Long side of embedded pictures in pixels: sharp on high-density screens."""

_TEMPLATE = "gallery.html"
_QUALITY = 80


@dataclass(frozen=True)
class Card:
    """One picture of the page, all of it as text.

    Attributes:
        name: Path of the file relative to the folder.
        link: URL of the file relative to the page.
        thumbnail: Data URI.
        size: Width and height in pixels.
        content: File name of the content; empty if unknown.
        styles: File name of each style, with its weight if there are several.
        preset: The nearest recipe; empty if unknown.
        entries: Recipe entries or options that differ from ``preset`` or the defaults, and more.
        command: Quoted words of the shell command that makes the picture again; None if unknown.
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
    """The card of a picture; its link is relative to the page.

    Raises:
        ImageError: It cannot be read or is too large.
    """
    metadata = images.read_metadata(path)
    picture = images.read(path, max_pixels=max_pixels)
    provenance = read_provenance(metadata)
    request = _request(metadata)
    preset, entries = _recipe(metadata, request)
    height, width = picture.size
    return Card(
        name=_as_text(str(path.relative_to(folder))),
        link=_link(path, page),
        thumbnail=html.thumbnail(picture, THUMBNAIL, quality=_QUALITY),
        size=(width, height),
        content=_file_name(provenance.content),
        styles=_styles(provenance),
        preset=preset,
        entries=entries | _details(request) | _costs(provenance),
        command=None if request is None else rerun_command(path, request),
    )


def render(title: str, cards: Sequence[Card]) -> str:
    """The page as HTML; it links to the full-size pictures and embeds everything else.

    Raises:
        OptionError: Jinja2 is missing.
    """
    return html.render(_TEMPLATE, title=_as_text(title), cards=cards)


def write_page(path: Path, title: str, cards: Sequence[Card]) -> None:
    """Write the page, atomically."""
    html.write_page(path, _TEMPLATE, title=_as_text(title), cards=cards)


def _styles(provenance: Provenance) -> tuple[str, ...]:
    if len(provenance.styles) == 1:
        return (_file_name(provenance.styles[0][0]),)
    return tuple(f"{_file_name(name)} × {weight:g}" for name, weight in provenance.styles)


def _costs(provenance: Provenance) -> dict[str, str]:
    """Time and memory, as far as they are known."""
    seconds, peak_bytes = provenance.seconds, provenance.peak_bytes
    costs = {}
    if seconds is not None:
        costs["seconds"] = f"{seconds:{'.1f' if seconds >= 1 else '.2g'}}"
    if peak_bytes is not None:
        costs["megabytes"] = f"{peak_bytes / 1e6:.0f}"
    return costs


def _request(metadata: Mapping[str, str]) -> Request | None:
    """The request that made a picture; None if its metadata have none, or none that is valid."""
    try:
        return from_metadata(metadata)
    except ImpastoError:
        return None


def _recipe(metadata: Mapping[str, str], request: Request | None) -> tuple[str, dict[str, str]]:
    """The nearest preset and what differs from it."""
    if isinstance(request, StylizeRequest):
        return "one pass", _as_texts(stylize_changes(request))
    # Version 0.1.0 wrote the recipe itself; one of another version may give no request.
    toml = metadata.get("recipe", "") if request is None else request.recipe.to_toml()
    return (nearest_preset(toml) if toml else None) or ("", {})


def _details(request: Request | None) -> dict[str, str]:
    """What else a picture was made with: masks, regions, size of a texture."""
    if isinstance(request, TextureRequest):
        height, width = request.size
        kind = "tileable texture" if request.tileable else "texture"
        return {"made as": kind, "canvas": f"{width}x{height}"}
    if isinstance(request, ReconstructRequest):
        return {"made as": f"{request.source} reconstruction"}
    if request is None:
        return {}
    regions = ", ".join(map(region_text, request.regions))
    masks = {"mask": request.mask, "style mask": request.style_mask}
    details = {name: name_of_source(mask) for name, mask in masks.items() if mask is not None}
    details["regions"] = regions
    return _as_texts({name: value for name, value in details.items() if value})


def _link(path: Path, page: Path) -> str:
    """The address of a file, relative to a page."""
    place = os.path.relpath(real_path(path), real_path(page).parent)
    return quote_from_bytes(os.fsencode(place))


def _file_name(path: str) -> str:
    return _as_text(PurePath(path.replace("\\", "/")).name)


def _as_text(name: str) -> str:
    """A file name as valid UTF-8, whatever bytes it consists of."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _as_texts(entries: Mapping[str, str]) -> dict[str, str]:
    return {name: _as_text(value) for name, value in entries.items()}

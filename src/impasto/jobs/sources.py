"""Reads the pictures that a request names."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from impasto import images
from impasto.errors import ImageError, option
from impasto.images.opening import open_file
from impasto.images.picture import Picture, fit_size
from impasto.images.source_info import MOST_PAGES
from impasto.jobs.events import Note
from impasto.jobs.requests import Source, name_of_source
from impasto.recipes.recipe import Recipe

_NARROW = 3
"""Long side by short side from which on a picture is called narrow."""


def read_styles(
    sources: Sequence[str | Path | Source],
    recipe: Recipe,
    long_side: int,
    *,
    max_pixels: int = images.MAX_PIXELS,
) -> list[Picture]:
    """The style pictures at the size that a painting of ``long_side`` pixels compares them at.

    Strokes larger than a picture's own are bounded (:func:`style_side`).
    """
    side = max(1, round(long_side * recipe.style_scale))

    def read(source: str | Path | Source) -> Picture:
        picture = images.read(source, long_side=side, max_pixels=max_pixels)
        if max(picture.size) >= (least := min(side, long_side)):
            return picture
        return images.read(source, long_side=least, max_enlarge=float("inf"), max_pixels=max_pixels)

    return [read(source) for source in sources]


def size_when_read(source: Source, long_side: int) -> tuple[int, int]:
    """Height and width of a picture resized when it is read, from the header of its file.

    Of a turned photograph the two are exchanged.

    Raises:
        ImageError: If the file is missing or not a picture.
    """
    if isinstance(source, Picture):
        height, width = source.size
    else:
        given = source if isinstance(source, Image.Image) else open_file(Path(source))
        width, height = given.size
    if not width or not height:
        return height, width  # which the reader refuses
    return fit_size((height, width), long_side, max_enlarge=images.MAX_ENLARGE)


def style_notes(source: Source, picture: Picture, long_side: int) -> Iterator[Note]:
    """A note if a style picture was too small for strokes as large as those asked for."""
    if (side := max(picture.size)) < long_side:
        yield Note(
            f"{name_of_source(source)} is enlarged {images.MAX_ENLARGE:g} times at most: its "
            f"strokes are {side / long_side:.0%} as large as {option('style_scale')} asks for."
        )


def content_notes(source: Source, picture: Picture, long_side: int) -> Iterator[Note]:
    """Notes on a picture that was too small to be enlarged to ``long_side`` pixels, and on frames.

    Args:
        source: What was read.
        picture: The picture.
        long_side: In pixels; 0 for the picture's own.
    """
    if (side := max(picture.size)) < long_side:
        yield enlargement_note(source, side, long_side)
    yield from frame_notes(source, picture)


def enlargement_note(source: Source, side: int, long_side: int) -> Note:
    """The note on a picture or clip whose long side is smaller than the one asked for."""
    return Note(
        f"{name_of_source(source)} is enlarged {images.MAX_ENLARGE:g} times at most: the long "
        f"side is {side} px, not {long_side}."
    )


def frame_notes(source: Source, picture: Picture) -> Iterator[Note]:
    """A note if a file holds more pictures than the one that was read."""
    name, frames = name_of_source(source), picture.info.frames
    if frames > 1 and picture.info.is_animation:
        yield Note(f"{name} is an animation: its first frame of {frames} is used.")
    elif frames > 1:
        more = " or more" if frames >= MOST_PAGES else ""
        yield Note(f"{name} has {frames} pages{more}: the first is used.")


def check_short_side(source: Source, picture: Picture, least: int) -> None:
    """Check that a picture, such as a panorama, is not too small at the size that it was read at.

    Args:
        source: What was read.
        picture: The picture, at the size of the painting.
        least: The shortest side that its layers allow, in pixels.

    Raises:
        ImageError: If it is too small, with the size that would do.
    """
    if min(picture.size) >= least:
        return
    height, width = picture.info.size or picture.size
    needed = math.ceil((least - 0.5) * max(height, width) / min(height, width))
    is_possible = needed <= images.MAX_ENLARGE * max(height, width)
    if max(height, width) < _NARROW * min(height, width):
        height, width = picture.size
        remedy = f"give {option('size')} {needed} or more" if is_possible else "so enlarge it"
        raise ImageError(
            f"{name_of_source(source)}: A picture of {width}×{height} px is too small: it needs at "
            f"least {least} px each way, {remedy}."
        )
    shape = f"{name_of_source(source)} has {width}×{height} px, a narrow shape"
    if not is_possible:
        raise ImageError(f"{shape}: its short side must have {least} px or more, so crop it.")
    raise ImageError(
        f"{shape}: at {max(picture.size)} px its short side has {min(picture.size)} px, and "
        f"{least} are needed. Give {option('size')} {needed} or more, or crop it."
    )

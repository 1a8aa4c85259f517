"""Reads the pictures that a request names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from impasto import images
from impasto.images.picture import Picture
from impasto.jobs.events import Note
from impasto.jobs.requests import AnySource, name_of_source
from impasto.recipes.recipe import Recipe


def read_styles(
    sources: Sequence[str | Path | Image.Image],
    recipe: Recipe,
    long_side: int,
    *,
    max_pixels: int = images.MAX_PIXELS,
) -> list[Picture]:
    """The style pictures, reduced to what a painting of ``long_side`` pixels can use of them."""
    side = max(1, round(long_side * recipe.style_scale))
    return [
        images.read(source, long_side=side, max_enlarge=float("inf"), max_pixels=max_pixels)
        for source in sources
    ]


def enlarging_note(source: AnySource, picture: Picture, long_side: int) -> Iterator[Note]:
    """A note if a picture was too small to be enlarged to ``long_side`` pixels."""
    if (side := max(picture.size)) < long_side:
        yield Note(
            f"{name_of_source(source)} is enlarged {images.MAX_ENLARGE:g} times at most: the long "
            f"side is {side} px, not {long_side}."
        )

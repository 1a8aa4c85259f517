"""Reads the pictures that a request names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from impasto import images
from impasto.images.picture import Picture
from impasto.recipes.recipe import Recipe


def read_styles(
    sources: Sequence[str | Path | Image.Image],
    recipe: Recipe,
    long_side: int,
    *,
    max_pixels: int = images.MAX_PIXELS,
) -> list[Picture]:
    """The style pictures, reduced to what a painting of ``long_side`` pixels can use of them."""
    wanted = max(1, round(long_side * recipe.style_scale))
    return [
        images.read(source, long_side=wanted, max_enlarge=float("inf"), max_pixels=max_pixels)
        for source in sources
    ]

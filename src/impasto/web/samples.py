"""Pictures and styles that the server has, by the names that clients may use."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from impasto.images.samples import PAIRS
from impasto.networks import catalogue

PAINTINGS: Mapping[str, str] = {
    "starry-night": "tuebingen-starry-night",
    "great-wave": "lighthouse-great-wave",
}
"""Style → the sample pair with the picture of that style, which can be painted like."""


def sample_pictures() -> dict[str, Path]:
    """Name → file of every sample that a request may name as ``sample:NAME``."""
    files = [path for pair in PAIRS.values() for path in (pair.content_path, pair.style_path)]
    return {path.stem: path for path in files}


@functools.cache
def named_styles() -> dict[str, list[str]]:
    """One-pass model → the styles that it knows by name, as of the first call."""
    return catalogue.named_styles()


def painting_of(style: str) -> str:
    """The sample picture of a named style; empty if the server has none."""
    return PAIRS[PAINTINGS[style]].style_path.stem if style in PAINTINGS else ""

"""What is particular about a recipe: the preset nearest to it, and what was changed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from impasto.recipes.presets import RECIPES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def changes(text: str) -> tuple[str, dict[str, str]] | None:
    """The preset with the fewest entries of other values, and those entries in words.

    Read loosely, so that a recipe of an older or newer version is told as well: an entry that the
    text lacks is not counted, one that no preset has is a change.

    Args:
        text: A recipe in TOML.

    Returns:
        The preset's name and the changed entries; None for text that is not TOML.
    """
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
    found = {name: _changed(told, vars(recipe)) for name, recipe in RECIPES.items()}
    nearest = min(found, key=lambda name: len(found[name]))
    return nearest, found[nearest]


def _changed(told: Mapping[str, Any], preset: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: _words(value)
        for name, value in told.items()
        if name not in preset or value != preset[name]
    }


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={_words(number)}" for name, number in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)

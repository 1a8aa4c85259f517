"""Parts that pages share: figures with captions, and recipes as tables."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from impasto.recipes.presets import RECIPES, get_recipe
from impasto.recipes.recipe import FIELDS, Recipe

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Figure:
    """A picture (a data URI) with its caption."""

    image: str
    caption: str


class Entry(NamedTuple):
    """A recipe entry, its value as text, and whether it differs from the default."""

    name: str
    value: str
    changed: bool


def recipe_entries(recipe: Recipe, *, without: Collection[str] = ()) -> list[Entry]:
    """The entries of a recipe as rows of a table."""
    default = get_recipe("default")
    entries = []
    for name in FIELDS:
        if name in without:
            continue
        value = getattr(recipe, name)
        text = (
            ", ".join(f"{layer} {weight:g}" for layer, weight in value.items())
            if isinstance(value, Mapping)
            else str(value)
        )
        entries.append(Entry(name.replace("_", " "), text, value != getattr(default, name)))
    return entries


def nearest_preset(toml: str) -> tuple[str, dict[str, str]] | None:
    """The preset nearest to a recipe in TOML, and its differences as text.

    Recipes of older and newer versions are accepted: a missing entry is ignored, an unknown one
    counts as different.

    Returns:
        Name of the preset and the entries; None if the text is not TOML.
    """
    try:
        recipe = tomllib.loads(toml)
    except tomllib.TOMLDecodeError:
        return None
    changes = {name: _changes(recipe, vars(preset)) for name, preset in RECIPES.items()}
    nearest = min(changes, key=lambda name: len(changes[name]))
    return nearest, changes[nearest]


def _changes(recipe: Mapping[str, Any], preset: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: _as_text(value)
        for name, value in recipe.items()
        if name not in preset or value != preset[name]
    }


def _as_text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={_as_text(number)}" for name, number in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)

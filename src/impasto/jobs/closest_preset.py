"""A recipe as a preset and what differs from it, as people write recipes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from impasto.recipes.presets import RECIPES
from impasto.recipes.recipe import FIELDS, Recipe


def closest_preset(
    recipe: Recipe, usual: str, *, without: Collection[str] = ()
) -> tuple[str, dict[str, Any]]:
    """The preset with the fewest entries to change, and those entries.

    Args:
        recipe: The recipe to describe.
        usual: Preset that a command or function has by default; it is taken among equals.
        without: Entries that do not matter, and are not compared.

    Returns:
        Name of the preset, and entry → value of the recipe.
    """
    names = [usual, *(name for name in RECIPES if name != usual)]
    changes = {name: _changes(recipe, RECIPES[name], without) for name in names}
    closest = min(names, key=lambda name: len(changes[name]) + (name != usual))
    return closest, changes[closest]


def _changes(recipe: Recipe, preset: Recipe, without: Collection[str]) -> dict[str, Any]:
    values = {name: getattr(recipe, name) for name in FIELDS if name not in without}
    return {name: value for name, value in values.items() if value != getattr(preset, name)}

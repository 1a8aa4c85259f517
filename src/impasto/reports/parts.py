"""What the pages of this package are made of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import FIELDS, Recipe


@dataclass(frozen=True)
class Figure:
    """A picture of the page: a data URI and what is written under it."""

    image: str
    caption: str


class Entry(NamedTuple):
    """An entry of a recipe, its value in words, and whether it is not the default's."""

    name: str
    value: str
    changed: bool


def recipe_entries(recipe: Recipe, *, without: Collection[str] = ()) -> list[Entry]:
    """The entries of a recipe, to be shown as a table.

    Args:
        recipe: What is told.
        without: Entries that are not.
    """
    usual = get_recipe("default")
    entries = []
    for name in FIELDS:
        if name in without:
            continue
        value = getattr(recipe, name)
        told = (
            ", ".join(f"{k} {v:g}" for k, v in value.items())
            if isinstance(value, Mapping)
            else str(value)
        )
        entries.append(Entry(name.replace("_", " "), told, value != getattr(usual, name)))
    return entries

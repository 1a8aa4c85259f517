"""Writes docs/recipe.md from the entries of ``Recipe``.

python docs/make_recipe_page.py
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from impasto.recipes.presets import RECIPES
from impasto.recipes.recipe import FIELDS, GROUPS, Recipe

PAGE = Path(__file__).with_name("recipe.md")

INTRODUCTION = """\
# Recipe entries

<!-- Written by make_recipe_page.py from the entries of Recipe: change them there. -->

A recipe holds every number of a painting. Each entry is an option of `impasto paint`
(`style_weight` is `--style-weight`), an argument of `impasto.paint`, and a line of a TOML file for
`--recipe FILE.toml`.

"Papers" is what Gatys, Ecker & Bethge and later papers use.
"""


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for group in GROUPS:
        names = [name for name, entry in FIELDS.items() if entry.group == group]
        parts.append(f"## {group.capitalize()}\n\n{table(names)}")
    return "\n".join([*parts, f"## Presets\n\n{presets()}"])


def table(names: Iterable[str]) -> str:
    """Some entries as a table: name, default, description."""
    rows = ["| entry | default | what it is |", "|---|---|---|"]
    for entry in map(FIELDS.__getitem__, names):
        allowed = f" ({', '.join(entry.names)})" if entry.names else ""
        papers = f"; papers: {entry.papers}" if entry.papers else ""
        default = default_text(entry.default)
        rows.append(f"| `{entry.name}` | {default} | {entry.help}{allowed}{papers} |")
    return "\n".join(rows) + "\n"


def default_text(default: Any) -> str:
    """A default value; layers with their weights."""
    if isinstance(default, Mapping):
        return ", ".join(f"{layer} {weight:g}" for layer, weight in default.items())
    return f"{default:g}" if isinstance(default, float) else f"{default}"


def presets() -> str:
    """Preset → the entries that differ from the default recipe's."""
    default = Recipe()
    rows = ["| preset | differs from `default` in |", "|---|---|"]
    for name, recipe in RECIPES.items():
        changes = [
            f"`{entry}` {getattr(recipe, entry)}"
            for entry in FIELDS
            if getattr(recipe, entry) != getattr(default, entry)
        ]
        rows.append(f"| `{name}` | {', '.join(changes) or '–'} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

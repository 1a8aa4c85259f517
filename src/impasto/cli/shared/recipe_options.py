"""Recipe entries as command-line options; names, types, defaults and help come from the entries."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Mapping
from typing import Any

from impasto.recipes.presets import RECIPES, get_recipe
from impasto.recipes.recipe import CONTROL, FIELDS, LOSSES, OPTIMIZATION, SIZE, Recipe
from impasto.runtime.fields import Entry

GROUPS = (SIZE, LOSSES, CONTROL, OPTIMIZATION)
"""Headings of the help, in order."""


def add_recipe_options(
    parser: argparse.ArgumentParser,
    *,
    recipe: str = "default",
    without: Collection[str] = (),
    remarks: Mapping[str, str] | None = None,
) -> None:
    """Add ``--recipe`` and one option for every entry of a recipe.

    Args:
        parser: Of the command.
        recipe: The preset whose values are the defaults.
        without: Entries that mean nothing to the command.
        remarks: Entry → what the command has to add to its description.
    """
    parser.add_argument(
        "--recipe",
        default=recipe,
        metavar="NAME|FILE",
        help=f"{', '.join(RECIPES)}, or a .toml file; options change it",
    )
    default = get_recipe(recipe)
    for heading in GROUPS:
        offered = [e for e in FIELDS.values() if e.group == heading and e.name not in without]
        if offered:
            group = parser.add_argument_group(heading)
            for entry in offered:
                remark = (remarks or {}).get(entry.name, "")
                add_entry_option(group, entry, getattr(default, entry.name), remark=remark)


def add_entry_option(
    parser: argparse._ActionsContainer, entry: Entry, default: Any, *, remark: str = ""
) -> None:
    """Add the option of one entry, under its name and its aliases; unset it is None.

    Args:
        parser: Or a group of it.
        entry: What to offer.
        default: Shown in the help.
        remark: What the command has to add to the description.
    """
    is_layers = entry.kind is dict
    shown = _short(default) if is_layers else default
    words = ", ".join(filter(None, (entry.help, remark)))
    convert: Callable[[str], Any] = parse_layers if is_layers else entry.kind
    parser.add_argument(
        f"--{entry.name.replace('_', '-')}",
        dest=entry.name,
        type=convert,
        choices=entry.names,
        metavar=None if entry.names else _metavar(entry),
        help=f"{words} [{shown}]".replace("%", "%%"),
    )
    for alias in entry.aliases:
        # Accepted, but not in the help: one spelling is enough there.
        parser.add_argument(
            f"--{alias.replace('_', '-')}", dest=entry.name, type=convert,
            choices=entry.names, help=argparse.SUPPRESS,
        )  # fmt: skip


def recipe_from(args: argparse.Namespace) -> Recipe:
    """The recipe of a command line: the named one, changed by the options that were given."""
    return get_recipe(args.recipe).replace(**given_entries(args))


def given_entries(args: argparse.Namespace) -> dict[str, Any]:
    """The recipe entries that the command line sets."""
    values = {name: getattr(args, name, None) for name in FIELDS}
    return {name: value for name, value in values.items() if value is not None}


def parse_layers(text: str) -> dict[str, float]:
    """``relu1_1=1,relu2_1=0.5`` or ``relu1_1,relu2_1`` as layers with weights."""
    layers: dict[str, float] = {}
    for entry in text.split(","):
        name, _, weight = entry.strip().partition("=")
        try:
            layers[name] = float(weight) if weight else 1.0
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"'{entry}' is no LAYER=WEIGHT, for example relu1_1=1,relu2_1=0.5"
            ) from None
        if not name:
            raise argparse.ArgumentTypeError("a layer has no name; example: relu1_1=1,relu2_1=0.5")
    return layers


def _short(layers: Mapping[str, float]) -> str:
    """Layers for a help text: ``relu1_1 … relu5_1``."""
    names = list(layers)
    return names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"


def _metavar(entry: Entry) -> str:
    return {int: "N", float: "X", str: "NAME"}.get(entry.kind, "LAYER=W,…")

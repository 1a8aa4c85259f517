"""Recipe entries as command-line options, with the names, types and help of the entries."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Mapping
from typing import Any

from impasto.cli.shared.parser import under
from impasto.recipes.presets import RECIPES, get_recipe
from impasto.recipes.recipe import FIELDS, GROUPS, OPTIMIZATION, Recipe
from impasto.runtime.fields import Entry, entries

_METAVARS = {int: "N", float: "X", str: "NAME", dict: "LAYER=W,…"}


def add_recipe_options(
    parser: argparse.ArgumentParser,
    *,
    recipe: str = "default",
    without: Collection[str] = (),
    remarks: Mapping[str, str] | None = None,
) -> None:
    """Add ``--recipe`` and one option for every entry of a recipe.

    Args:
        parser: Parser of the command.
        recipe: The preset whose values are the defaults.
        without: Entries that the command does not offer.
        remarks: Entry → addition to its help.
    """
    names = ", ".join(RECIPES)
    recipes = under(parser, OPTIMIZATION.capitalize())
    recipes.add_argument("--recipe", default=recipe, metavar="NAME|FILE",
                         help=f"{names}, or a .toml file; options change it")  # fmt: skip
    default = get_recipe(recipe)
    for heading in GROUPS:
        offered = [e for e in FIELDS.values() if e.group == heading and e.name not in without]
        if offered:
            group = under(parser, heading.capitalize())
            for entry in offered:
                remark = (remarks or {}).get(entry.name, "")
                add_entry_option(group, entry, getattr(default, entry.name), remark=remark)


def add_entry_option(
    parser: argparse._ActionsContainer, entry: Entry, default: Any = None, *, remark: str = ""
) -> None:
    """Add the option of one entry under its name and its aliases; its value is None if unset.

    Args:
        parser: A parser or a group.
        entry: The entry.
        default: The value that the help shows; None: it shows none.
        remark: Addition to the help.
    """
    convert: Callable[[str], Any] = entry.kind
    if entry.kind is dict:
        convert = parse_layers
        if default is not None:
            names = list(default)
            default = names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"
    text = ", ".join(filter(None, (entry.help, remark)))
    shown = "" if default is None else f" [{default}]"
    parser.add_argument(
        f"--{entry.name.replace('_', '-')}",
        dest=entry.name,
        type=convert,
        choices=entry.names,
        metavar=None if entry.names else _METAVARS[entry.kind],
        help=f"{text}{shown}".replace("%", "%%"),
    )
    for alias in entry.aliases:
        # Accepted, but not in the help.
        parser.add_argument(
            f"--{alias.replace('_', '-')}", dest=entry.name, type=convert,
            choices=entry.names, help=argparse.SUPPRESS,
        )  # fmt: skip


def recipe_from(args: argparse.Namespace) -> Recipe:
    """The named recipe, changed by the options that were given."""
    return get_recipe(args.recipe).replace(**given_entries(args))


def given_entries(args: argparse.Namespace, kind: type = Recipe) -> dict[str, Any]:
    """The entries of a recipe, or of a request, that were given as options."""
    values = {name: getattr(args, name, None) for name in entries(kind)}
    return {name: value for name, value in values.items() if value is not None}


def parse_layers(text: str) -> dict[str, float]:
    """Parse layers with weights: ``relu1_1=1,relu2_1=0.5``, or ``relu1_1,relu2_1`` (weight 1)."""
    layers: dict[str, float] = {}
    for entry in text.split(","):
        name, _, weight = entry.strip().partition("=")
        try:
            layers[name] = float(weight) if weight else 1.0
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"'{entry}' is not LAYER=WEIGHT, for example relu1_1=1,relu2_1=0.5"
            ) from None
        if not name:
            raise argparse.ArgumentTypeError("a layer has no name; example: relu1_1=1,relu2_1=0.5")
    return layers

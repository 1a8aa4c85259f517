"""Recipe entries as options: names, types, defaults and help all come from the recipe itself."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from impasto.errors import OptionError
from impasto.painting.objective_builder import COARSE, FINE
from impasto.recipes.presets import RECIPES, get_recipe
from impasto.recipes.recipe import FIELDS, Recipe, choices

GROUPS: Mapping[str, tuple[str, ...]] = {
    "size and pace": ("size", "scales", "smallest", "steps", "final_steps"),
    "what is wished": (
        "style_weight",
        "content_weight",
        "laplacian_weight",
        "tv_weight",
        "style_loss",
        "style_layers",
        "content_layers",
        "normalization",
        "content_normalization",
        "tv",
    ),
    "control": (
        "style_scale",
        "strength",
        "colour",
        "colour_space",
        "colour_match",
        "mask_mode",
        "feather",
    ),
    "how it is reached": (
        "encoder",
        "pooling",
        "optimizer",
        "preconditioning",
        "learning_rate",
        "average",
        "detail",
        "init",
        "noise",
        "precision",
        "seed",
    ),
}
"""Headings of the help, and the entries under each: together all of a recipe."""


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
    remarks = remarks or {}
    parser.add_argument(
        "--recipe",
        default=recipe,
        metavar="NAME|FILE",
        help=f"{', '.join(RECIPES)}, or a .toml file; options change it",
    )
    default, about = get_recipe(recipe), entry_descriptions()
    for heading, names in GROUPS.items():
        offered = [name for name in names if name not in without]
        group = parser.add_argument_group(heading) if offered else parser
        for name in offered:
            value = getattr(default, name)
            is_layers = isinstance(value, Mapping)
            shown = _short(value) if is_layers else value
            said = [about[name], *([remarks[name]] if name in remarks else [])]
            group.add_argument(
                f"--{name.replace('_', '-')}",
                dest=name,
                type=parse_layers if is_layers else type(value),
                choices=choices(name),
                metavar=None if choices(name) else _metavar(value),
                help=f"{', '.join(said)} [{shown}]".replace("%", "%%"),
            )


def recipe_from(args: argparse.Namespace) -> Recipe:
    """The recipe of a command line: the named one, changed by the options that were given."""
    values = {name: getattr(args, name, None) for name in FIELDS}
    given = {name: value for name, value in values.items() if value is not None}
    return get_recipe(args.recipe).replace(**given)


def entry_descriptions() -> dict[str, str]:
    """Entry → what it is, from the recipe's own docstring."""
    text = inspect.getdoc(Recipe) or ""
    attributes = text.split("Attributes:\n", 1)[1]
    found = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", attributes, flags=re.MULTILINE)
    return {name: _lower(re.sub(r"\s+", " ", words).replace("``", "")) for name, words in found}


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


@dataclass(frozen=True)
class StyleOption:
    """A style as it stands on the command line: ``[coarse=|fine=]PATH[:WEIGHT]``."""

    path: str
    weight: float | None = None
    level: str = ""

    def __str__(self) -> str:
        weight = "" if self.weight is None else f":{self.weight}"
        return f"{self.level}={self.path}{weight}" if self.level else f"{self.path}{weight}"


def parse_styles(texts: Sequence[str]) -> list[StyleOption]:
    """Style pictures with optional weights and levels: ``starry.jpg:0.7 fine=wave.jpg:0.3``.

    Raises:
        OptionError: For a weight that is not above zero, or weights for only some.
    """
    styles = []
    for text in texts:
        level, rest = "", text
        for name in (COARSE, FINE):
            if text.startswith(f"{name}="):
                level, rest = name, text.removeprefix(f"{name}=")
        path, colon, weight = rest.rpartition(":")
        try:
            value = float(weight) if colon else None
        except ValueError:
            value = None  # a colon in the path itself
        if value is not None and not 0 < value < float("inf"):
            raise OptionError(f"The weight of style {path} must be above 0, not {weight}.")
        styles.append(StyleOption(rest if value is None else path, value, level))
    if len({style.weight is None for style in styles}) > 1:
        raise OptionError("Give every style a weight or none: a.jpg:0.7 b.jpg:0.3")
    return styles


def _lower(sentence: str) -> str:
    return sentence[0].lower() + sentence[1:].rstrip(".")


def _short(layers: Mapping[str, float]) -> str:
    """Layers for a help text: ``relu1_1 … relu5_1``."""
    names = list(layers)
    return names[0] if len(names) == 1 else f"{names[0]} … {names[-1]}"


def _metavar(value: Any) -> str:
    if isinstance(value, Mapping):
        return "LAYER=W,…"
    return {int: "N", float: "X", str: "NAME"}[type(value)]

"""``impasto paint``: paint a picture in the style of others, by optimization."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Sequence

from impasto.cli.shared.recipe_options import recipe_from
from impasto.cli.shared.run_to_file import run_to_file
from impasto.errors import OptionError
from impasto.jobs.requests import PaintRequest, StyleInput, as_region_specs, parse_styles


def run(args: argparse.Namespace) -> int:
    """Paint and return the exit code."""
    styles = parse_styles([*args.styles, *args.more_styles])
    if not styles:
        raise OptionError("Name a style picture: impasto paint CONTENT STYLE -o OUT.")
    _check_styles(styles, args)
    regions = as_region_specs(args.regions)
    recipe = recipe_from(args)
    request = PaintRequest(args.content, styles, recipe, args.mask, args.style_mask, regions)
    return run_to_file(request, args)


def _check_styles(styles: Sequence[StyleInput], args: argparse.Namespace) -> None:
    """Refuse the names of styles of one-pass models, and say which command has them.

    Raises:
        OptionError: For a name that is a style of a model and no file.
    """
    missing = [style.name for style in styles if not os.path.exists(style.name)]
    if not missing:
        return
    from impasto.networks.catalogue import networks, style_names

    for name in missing:
        for model in networks():
            if name in style_names(model):
                words = ["impasto", "stylize", args.content, "--style", name, "-o", args.output]
                raise OptionError(
                    f"{name} is a style of the one-pass model '{model}', and paint takes pictures: "
                    f"{shlex.join(words)}"
                )

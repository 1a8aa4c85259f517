"""``impasto paint``: paint a picture in the style of others, by optimization."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from impasto.cli.shared.batch import names_file
from impasto.cli.shared.paint_batch import paint_batch
from impasto.cli.shared.recipe_options import recipe_from
from impasto.errors import OptionError
from impasto.jobs.requests import PaintRequest, StyleInput, as_region_specs, parse_styles
from impasto.runtime.command_text import command_line


def run(args: argparse.Namespace) -> int:
    """Paint and return the exit code."""
    contents, words = _pictures_and_styles(args)
    styles, regions = parse_styles(words), as_region_specs(args.regions)
    _check_styles(styles, contents[0], args)
    recipe = recipe_from(args)
    request = PaintRequest(contents[0], styles, recipe, args.mask, args.style_mask, regions)
    return paint_batch([Path(content) for content in contents], request, args)


def _pictures_and_styles(args: argparse.Namespace) -> tuple[list[str], list[str]]:
    """What is to be painted and how.

    The first picture is painted in the style of the others. With ``--style`` and a folder for the
    outputs, all are painted in that style.

    Raises:
        OptionError: If there is no style.
    """
    pictures = [args.content, *args.styles]
    if args.more_styles and not names_file(Path(args.output)):
        return pictures, args.more_styles
    styles = [*pictures[1:], *args.more_styles]
    if not (styles or args.regions):
        raise OptionError("Name a style picture: impasto paint CONTENT STYLE -o OUT.")
    return pictures[:1], styles


def _check_styles(styles: Sequence[StyleInput], content: str, args: argparse.Namespace) -> None:
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
                words = ["impasto", "stylize", content, "--style", name, "-o", args.output]
                raise OptionError(
                    f"{name} is a style of the one-pass model '{model}', and paint takes pictures: "
                    f"{command_line(words)}"
                )

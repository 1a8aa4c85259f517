"""``impasto rerun``: a picture's file knows how it was made; make it again, or larger."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from impasto import images
from impasto.cli.options import parse_styles
from impasto.cli.paint import Job, add_run_options, paint_to_file
from impasto.errors import ImageError
from impasto.recipes import from_toml

EXAMPLES = """\
examples:
  impasto rerun out.png -o again.png
  impasto rerun out.png -o large.png --size 2048
  impasto rerun out.png --show
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``rerun``."""
    parser.add_argument("picture", metavar="PICTURE", help="a picture that Impasto painted")
    parser.add_argument("-o", "--output", metavar="OUT", help="the picture to make")
    parser.add_argument("--size", type=int, metavar="N", help="another long side in pixels")
    parser.add_argument("--show", action="store_true", help="print the recipe and paint nothing")
    add_run_options(parser)


def run(args: argparse.Namespace) -> int:
    """Paint the picture again, and return the exit code.

    Raises:
        ImageError: If the picture has no recipe, or its sources are gone.
    """
    if not Path(args.picture).is_file():
        raise ImageError(f"There is no picture {args.picture}.")
    made = images.read_metadata(args.picture)
    if "recipe" not in made:
        raise ImageError(
            f"{args.picture} holds no recipe: it was not painted by Impasto, or a program that "
            "saved it since has dropped the metadata."
        )
    if args.show or not args.output:
        print(f"# content: {made['content']}\n# style: {made['style']}\n{made['recipe']}", end="")
        if args.show:
            return 0
        raise ImageError("Name the picture to make: -o OUT (or --show to print the recipe only).")
    recipe = from_toml(made["recipe"])
    if args.size is not None:
        recipe = recipe.replace(size=args.size)
    job = Job(
        made["content"],
        parse_styles(json.loads(made["style"])),
        recipe,
        made.get("mask"),
        made.get("style mask"),
        tuple(json.loads(made.get("regions", "[]"))),
    )
    return paint_to_file(job, args)

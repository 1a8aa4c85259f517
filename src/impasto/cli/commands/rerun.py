"""``impasto rerun``: a picture's file knows how it was made; make it again, or larger."""

from __future__ import annotations

import argparse
import json
import os
import shlex
from collections.abc import Mapping

from impasto import images
from impasto.cli.commands import stylize
from impasto.cli.commands.reconstruct import ReconstructionJob, reconstruct_to_file
from impasto.cli.commands.texture import TextureJob, texture_to_file
from impasto.cli.shared.recipe_options import parse_styles
from impasto.cli.shared.run_options import Job, add_report_option, add_run_options, paint_to_file
from impasto.errors import ImageError
from impasto.painting.texture import parse_size
from impasto.recipes.recipe import Recipe, from_toml

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
    add_report_option(add_run_options(parser))


def run(args: argparse.Namespace) -> int:
    """Paint the picture again, and return the exit code.

    Raises:
        ImageError: If the picture has no recipe, or its sources are gone.
    """
    if not os.path.isfile(args.picture):
        raise ImageError(f"There is no picture {args.picture}: check its name and folder.")
    made = images.read_metadata(args.picture)
    if "stylize" in made:
        return _stylize(made, args)
    if "recipe" not in made:
        raise ImageError(
            f"{args.picture} holds no recipe: it was not painted by Impasto, or a program that "
            "saved it since has dropped the metadata."
        )
    if args.show or not args.output:
        for name in ("content", "style", "mask", "style mask", "regions"):
            if name in made:
                print(f"# {name}: {made[name]}")
        print(made["recipe"], end="")
        if args.show:
            return 0
        raise ImageError("Name the picture to make: -o OUT (or --show to print the recipe only).")
    recipe = from_toml(made["recipe"])
    if args.size is not None:
        recipe = recipe.replace(size=args.size)
    made_as = made.get("made as", "").split()
    if "texture" in made_as:
        return texture_to_file(_texture_job(made, recipe, args.size), args)
    if "reconstruction" in made_as:
        return reconstruct_to_file(ReconstructionJob(made["content"], made_as[0], recipe), args)
    job = Job(
        made["content"],
        parse_styles(json.loads(made["style"])),
        recipe,
        made.get("mask"),
        made.get("style mask"),
        tuple(json.loads(made.get("regions", "[]"))),
    )
    return paint_to_file(job, args)


def _stylize(made: Mapping[str, str], args: argparse.Namespace) -> int:
    """Paint a one-pass picture again."""
    words = stylize.words_of(made)
    if args.size is not None:
        words += ["--size", str(args.size)]
    if args.show or not args.output:
        print("impasto stylize", shlex.join(words))
        if args.show:
            return 0
        raise ImageError("Name the picture to make: -o OUT (or --show to print the command only).")
    words += ["-o", args.output, "--overwrite", "--quality", str(args.quality)]
    words += ["--memory", args.memory] if args.memory else []
    words += [f"--{name}" for name in ("quiet", "json") if getattr(args, name)]
    parser = argparse.ArgumentParser(prog="impasto rerun")
    stylize.configure(parser)
    return stylize.run(parser.parse_args(words))


def _texture_job(made: Mapping[str, str], recipe: Recipe, long_side: int | None) -> TextureJob:
    size = parse_size(made["canvas"])
    if long_side is not None:
        size = images.fit_size(size, long_side)
    styles = parse_styles(json.loads(made["style"]))
    return TextureJob(styles, size, recipe, "tileable" in made["made as"])

"""``impasto texture``: a texture of a picture's style, from noise."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

from impasto.cli.shared.outputs import check_outputs
from impasto.cli.shared.recipe_options import (
    StyleOption,
    add_recipe_options,
    parse_styles,
    recipe_from,
)
from impasto.cli.shared.run_options import add_run_options, budget, read_style_options, work_to_file
from impasto.jobs.results import texture_sources
from impasto.painting.texture import TexturePainter, parse_size
from impasto.recipes.recipe import Recipe

EXAMPLES = """\
examples:
  impasto texture painting.jpg -o texture.png --size 1024x512
  impasto texture painting.jpg -o tile.png --size 512 --tileable
  impasto texture painting.jpg -o fine.png --style-scale 0.5
"""

_NOT_OFFERED = (
    "size", "style_weight", "content_weight", "content_layers", "content_normalization",
    "strength", "colour", "colour_space", "colour_match", "mask_mode", "feather", "init", "noise",
)  # fmt: skip
"""Entries of a recipe that are about a content picture, or given in another way."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``texture``."""
    parser.usage = "impasto texture STYLE [STYLE …] -o OUT [options]"
    parser.add_argument("styles", metavar="STYLE", nargs="+",
                        help="the picture to take the texture of; PATH:WEIGHT to mix")  # fmt: skip
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="the picture to make")
    parser.add_argument("--size", dest="canvas", metavar="WxH", default="512",
                        help="width and height, or one number for a square [512]")  # fmt: skip
    parser.add_argument("--tileable", action="store_true", help="make it fit itself on all sides")
    add_recipe_options(parser, recipe="texture", without=_NOT_OFFERED)
    add_run_options(parser)


def run(args: argparse.Namespace) -> int:
    """Make the texture, and return the exit code."""
    size = parse_size(args.canvas)
    recipe = recipe_from(args).replace(size=max(size))
    job = TextureJob(parse_styles(args.styles), size, recipe, args.tileable)
    return texture_to_file(job, args)


@dataclass(frozen=True)
class TextureJob:
    """What to make."""

    styles: list[StyleOption]
    size: tuple[int, int]
    recipe: Recipe
    tileable: bool = False


def texture_to_file(job: TextureJob, args: argparse.Namespace) -> int:
    """Make a texture in ``args.output``; the exit code."""
    check_outputs(args, [*(style.path for style in job.styles), job.recipe.init])
    styles = read_style_options(job.styles, job.recipe, max(job.size), args)
    painter = TexturePainter(
        styles, job.size, job.recipe, tileable=job.tileable, memory=budget(args)
    )
    height, width = painter.stages[-1].size
    if (height, width) != job.size and not args.quiet:
        print(f"rounded to {width}×{height} px, which tiles", file=sys.stderr)
    names = [str(style) for style in job.styles]
    sources = texture_sources(names, (height, width), tileable=job.tileable)
    return work_to_file(painter, sources, args)

"""``impasto texture``: a texture in the style of a picture, synthesized from noise."""

from __future__ import annotations

import argparse

from impasto.cli.shared.recipe_options import add_recipe_options, recipe_from
from impasto.cli.shared.run_options import add_run_options, run_to_file
from impasto.jobs.requests import TextureRequest, parse_styles
from impasto.painting.texture import parse_size

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
"""Recipe entries that need a content picture, or that other options set."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``texture``."""
    parser.usage = "impasto texture STYLE [STYLE …] -o OUT [options]"
    parser.add_argument("styles", metavar="STYLE", nargs="+",
                        help="the style picture; several are mixed, as PATH:WEIGHT")  # fmt: skip
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="the file to write")
    parser.add_argument("--size", dest="canvas", metavar="WxH", default="512",
                        help="width and height, or one number for a square [512]")  # fmt: skip
    parser.add_argument("--tileable", action="store_true", help="make opposite borders match")
    add_recipe_options(parser, recipe="texture", without=_NOT_OFFERED)
    add_run_options(parser)


def run(args: argparse.Namespace) -> int:
    """Synthesize the texture and return the exit code."""
    size = parse_size(args.canvas)
    recipe = recipe_from(args).replace(size=max(size))
    return run_to_file(TextureRequest(parse_styles(args.styles), size, recipe, args.tileable), args)

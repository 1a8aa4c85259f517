"""``impasto texture``: a texture in the style of a picture, synthesized from noise."""

from __future__ import annotations

import argparse

from impasto.cli.shared.recipe_options import recipe_from
from impasto.cli.shared.run_to_file import run_to_file
from impasto.jobs.requests import TextureRequest, parse_styles
from impasto.painting.texture import parse_size


def run(args: argparse.Namespace) -> int:
    """Synthesize the texture and return the exit code."""
    size = parse_size(args.canvas)
    recipe = recipe_from(args).replace(size=max(size))
    return run_to_file(TextureRequest(parse_styles(args.styles), size, recipe, args.tileable), args)

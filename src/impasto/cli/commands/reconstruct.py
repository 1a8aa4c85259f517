"""``impasto reconstruct``: a picture reconstructed from the features of layers."""

from __future__ import annotations

import argparse

from impasto.cli.shared.messages import flag
from impasto.cli.shared.recipe_options import recipe_from
from impasto.cli.shared.run_to_file import run_to_file
from impasto.errors import OptionError
from impasto.jobs.requests import ReconstructRequest


def run(args: argparse.Namespace) -> int:
    """Write the picture or the sheet and return the exit code."""
    if not (args.content_layers or args.style_layers or args.figure):
        raise OptionError(
            "Choose what to reconstruct the picture from: --layer relu4_2 (its content), "
            "--style-layers relu1_1,relu2_1 (its style), or --figure (both, at five depths)."
        )
    source = "figure" if args.figure else "style" if args.style_layers else "content"
    if source == "figure":
        for name in ("snapshots", "snapshots_to", "log"):
            if getattr(args, name):
                raise OptionError(f"{flag(name)} is for one picture, not for --figure.")
    return run_to_file(ReconstructRequest(args.image, source, recipe_from(args)), args)

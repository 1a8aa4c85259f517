"""``impasto reconstruct``: what the layers of an encoder know of a picture."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from impasto import images
from impasto.cli.shared.limits import SIZE_REMARK, tell_of_limit
from impasto.cli.shared.outputs import check_outputs
from impasto.cli.shared.progress import PaintingBar
from impasto.cli.shared.recipe_options import add_recipe_options, parse_layers, recipe_from
from impasto.cli.shared.run_options import add_run_options, budget, tell_outcome, work_to_file
from impasto.errors import OptionError
from impasto.images.contact_sheet import Cell, contact_sheet
from impasto.images.picture import Picture
from impasto.jobs.results import Painting, reconstruction_sources
from impasto.painting.reconstruction import figure_panels, reconstruction
from impasto.recipes.recipe import Recipe
from impasto.runtime.interrupts import stop_on_interrupt
from impasto.runtime.precision import compute_dtype
from impasto.weights.open import open_encoder

EXAMPLES = """\
examples:
  impasto reconstruct photo.jpg -o content.png --layer relu4_2
  impasto reconstruct painting.jpg -o style.png --style-layers relu1_1,relu2_1,relu3_1
  impasto reconstruct photo.jpg -o sheet.png --figure
"""

_NOT_OFFERED = (
    "style_weight", "content_weight", "content_layers", "style_layers", "strength", "colour",
    "colour_space", "colour_match", "mask_mode", "feather", "init", "noise",
)  # fmt: skip
"""Entries of a recipe that are about a painting of two pictures, or given in another way."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``reconstruct``."""
    parser.usage = "impasto reconstruct IMAGE -o OUT (--layer L | --style-layers L,… | --figure)"
    parser.add_argument("image", metavar="IMAGE", help="the picture to make again")
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="the picture to make")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--layer", dest="content_layers", metavar="L", type=parse_layers,
                      help="from its content: the features of this layer")  # fmt: skip
    what.add_argument("--style-layers", metavar="L,…", type=parse_layers,
                      help="from its style: the statistics of these layers")  # fmt: skip
    what.add_argument("--figure", action="store_true",
                      help="both at five depths on one sheet, as in Gatys et al. 2015")  # fmt: skip
    add_recipe_options(parser, recipe="reconstruction", without=_NOT_OFFERED, remarks=SIZE_REMARK)
    add_run_options(parser)


def run(args: argparse.Namespace) -> int:
    """Make the picture or the sheet, and return the exit code."""
    if not (args.content_layers or args.style_layers or args.figure):
        raise OptionError(
            "Name what to make the picture from: --layer relu4_2 (its content), "
            "--style-layers relu1_1,relu2_1 (its style), or --figure (both, at five depths)."
        )
    kind = "figure" if args.figure else "style" if args.style_layers else "content"
    return reconstruct_to_file(ReconstructionJob(args.image, kind, recipe_from(args)), args)


@dataclass(frozen=True)
class ReconstructionJob:
    """What to make: ``content`` or ``style`` from the recipe's layers, or ``figure``."""

    image: str
    kind: str
    recipe: Recipe


def reconstruct_to_file(job: ReconstructionJob, args: argparse.Namespace) -> int:
    """Make a reconstruction in ``args.output``; the exit code."""
    check_outputs(args, [job.image, job.recipe.init])
    memory = budget(args)
    picture = images.read(job.image, long_side=job.recipe.size, max_pixels=args.max_pixels)
    if not args.quiet:
        tell_of_limit(job.image, picture, job.recipe.size)
    if job.kind == "figure":
        return _figure_to_file(job, picture, memory, args)
    recipe = job.recipe
    if job.kind == "content":
        painter = reconstruction(picture, recipe, recipe.content_layers, memory=memory)
    else:
        painter = reconstruction(picture, recipe, None, recipe.style_layers, memory=memory)
    return work_to_file(painter, reconstruction_sources(job.image, job.kind), args)


def _figure_to_file(
    job: ReconstructionJob, picture: Picture, memory: float | None, args: argparse.Namespace
) -> int:
    """All panels one after another; after Ctrl-C the sheet holds what there is."""
    for flag in ("snapshots", "snapshots_to", "log", "resume"):
        if getattr(args, flag):
            raise OptionError(f"--{flag.replace('_', '-')} is for one picture, not for --figure.")
    recipe = job.recipe
    encoder = open_encoder(recipe.encoder, recipe.pooling)
    panels = figure_panels(len(encoder.architecture.depths))
    encoder = encoder.to(compute_dtype(recipe.precision))
    original = Cell(images.to_pil(picture.tensor), Path(job.image).name)
    rows = {"content": [original], "style": [original]}
    seconds, stopped = 0.0, False
    for number, panel in enumerate(panels, 1):
        if not args.quiet:
            print(f"{number}/{len(panels)} {panel.row} {panel.caption}", file=sys.stderr)
        painter = panel.painter(picture, recipe, encoder=encoder, memory=memory)
        with stop_on_interrupt() as request, PaintingBar(
            painter.stages, quiet=args.quiet or args.json
        ) as bar:  # fmt: skip
            spent = 0.0
            for step in painter:
                bar.show(step)
                spent = step.seconds
                if request.made:
                    break
        seconds += spent
        rows[panel.row].append(Cell(images.to_pil(painter.picture), f"{panel.row} {panel.caption}"))
        stopped = request.made
        if stopped:
            break
    sheet = contact_sheet(list(rows.values()), height=picture.size[0])
    sources = reconstruction_sources(job.image, job.kind)
    made = Painting(images.from_pil(sheet).tensor, None, [], recipe, round(seconds, 3), sources)
    made.save(args.output, quality=args.quality)
    tell_outcome(args, made, Path(args.output), [], stopped=stopped, resumable=False)
    return 130 if stopped else 0

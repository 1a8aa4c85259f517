"""``impasto demo``: two sample pairs painted, with a contact sheet, in under a minute."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from impasto import images
from impasto.cli.shared.progress import PaintingBar, clock
from impasto.errors import ImageError
from impasto.images.contact_sheet import Cell, contact_sheet
from impasto.images.samples import PAIRS, SamplePair
from impasto.jobs.results import Painting, Row, describe_sources, row
from impasto.jobs.sources import read_styles
from impasto.painting.painter import Painter
from impasto.recipes.presets import get_recipe
from impasto.runtime.files import replacing
from impasto.runtime.interrupts import stop_on_interrupt

EXAMPLES = """\
example:
  impasto demo
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``demo``."""
    parser.add_argument(
        "-o", "--output", metavar="DIR", type=Path, default=Path("out"), help="where to [out/]"
    )
    parser.add_argument("--size", type=int, default=512, metavar="N", help="long side [512]")
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def run(args: argparse.Namespace) -> int:
    """Paint the pairs, tell where they are, and return the exit code."""
    folder: Path = args.output
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise ImageError(f"{folder} is a file: name another folder with -o DIR.")
    rows = []
    for name, pair in PAIRS.items():
        painting, finished = _paint(pair, args)
        if not finished:
            print("stopped; the pictures finished before are kept")
            return 130
        path = painting.save(folder / f"{name}.png")
        print(f"{path}: {pair.style_credit}; {clock(painting.seconds)}")
        rows.append(
            [
                Cell(images.to_pil(images.read(pair.content_path).tensor), pair.content_credit),
                Cell(images.to_pil(images.read(pair.style_path).tensor), pair.style_credit),
                Cell(painting.image, f"impasto paint, {clock(painting.seconds)}"),
            ]
        )
    sheet = folder / "contact-sheet.jpg"
    with replacing(sheet) as temporary:
        contact_sheet(rows).save(temporary, quality=92)
    print(f"{sheet}: content | style | result")
    return 0


def _paint(pair: SamplePair, args: argparse.Namespace) -> tuple[Painting, bool]:
    """One pair painted; False if Ctrl-C stopped it."""
    recipe = get_recipe("default").replace(size=args.size)
    content = images.read(pair.content_path, long_side=recipe.size)
    painter = Painter(content, read_styles([pair.style_path], recipe, max(content.size)), recipe)
    losses: list[Row] = []
    with stop_on_interrupt() as request, PaintingBar(painter.stages, quiet=args.quiet) as bar:
        for step in painter:
            losses.append(row(step))
            bar.show(step)
            if request.made:
                break
    seconds = losses[-1]["seconds"]
    sources = describe_sources(pair.content_path, [pair.style_path], None)
    return Painting(painter.picture, None, losses, recipe, seconds, sources), painter.done

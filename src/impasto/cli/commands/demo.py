"""``impasto demo``: paint two sample pairs and a contact sheet, in under a minute."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from impasto import images
from impasto.cli.shared.exit_codes import INTERRUPTED
from impasto.cli.shared.messages import print_note, say
from impasto.errors import ImageError
from impasto.images.contact_sheet import CaptionedImage, contact_sheet
from impasto.images.samples import PAIRS
from impasto.jobs.display import ProgressBar, clock
from impasto.jobs.events import Note
from impasto.jobs.requests import PaintRequest, StyleInput
from impasto.jobs.run import RunOptions
from impasto.jobs.run import run as run_request
from impasto.recipes.presets import get_recipe
from impasto.runtime.files import atomic_write

EXAMPLES = """\
example:
  impasto demo
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``demo``."""
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, default=Path("out"),
                        help="folder to write to [out/]")  # fmt: skip
    parser.add_argument("--size", type=int, default=512, metavar="N", help="long side [512]")
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def run(args: argparse.Namespace) -> int:
    """Paint the pairs, print their files and return the exit code."""
    folder: Path = args.output
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise ImageError(f"{folder} is a file: name another folder with -o DIR.")
    recipe, rows = get_recipe("default").replace(size=args.size), []
    for name, pair in PAIRS.items():
        style = StyleInput(str(pair.style_path))
        request = PaintRequest(str(pair.content_path), (style,), recipe)
        with ProgressBar(quiet=args.quiet) as bar:
            running = run_request(request, RunOptions(handle_interrupt=True), listener=bar.show)
            with running:
                for event in running:
                    if isinstance(event, Note) and not args.quiet:
                        print_note(event)
            result = running.result
        if not result.is_finished:
            say("stopped; finished pictures are kept")
            return INTERRUPTED
        path = result.save(folder / f"{name}.png")
        say(f"{path}: {pair.style_credit}; {clock(result.seconds)}")
        inputs = (pair.content_path, pair.content_credit), (pair.style_path, pair.style_credit)
        row = [CaptionedImage(images.to_pil(images.read(p).tensor), credit) for p, credit in inputs]
        rows.append([*row, CaptionedImage(result.image, f"impasto paint, {clock(result.seconds)}")])
    sheet = folder / "contact-sheet.jpg"
    with atomic_write(sheet) as temporary:
        contact_sheet(rows).save(temporary, quality=92)
    say(f"{sheet}: content | style | result")
    return 0

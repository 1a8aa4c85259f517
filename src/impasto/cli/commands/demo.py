"""``impasto demo``: paint two sample pairs and a contact sheet, in under a minute."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from impasto import images
from impasto.cli.shared.exit_codes import INTERRUPTED
from impasto.cli.shared.messages import print_note, say
from impasto.cli.shared.outputs import check_replaceable, is_made, write_sheet
from impasto.errors import ImageError
from impasto.images.contact_sheet import CaptionedImage, contact_sheet
from impasto.images.samples import PAIRS
from impasto.jobs.display import ProgressBar, clock
from impasto.jobs.events import Note
from impasto.jobs.provenance import read_provenance
from impasto.jobs.requests import PaintRequest, StyleInput
from impasto.jobs.run import RunOptions
from impasto.jobs.run import run as run_request
from impasto.recipes.presets import get_recipe


def run(args: argparse.Namespace) -> int:
    """Paint the pairs, print their files and return the exit code."""
    folder: Path = args.output
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise ImageError(f"{folder} is a file: name another folder with -o DIR.")
    recipe, rows = get_recipe("default").replace(size=args.size), []
    sheet = folder / "contact-sheet.jpg"
    check_replaceable(sheet, overwrite=args.overwrite)
    requests = {
        folder / f"{name}.png": PaintRequest(
            str(pair.content_path), (StyleInput(str(pair.style_path)),), recipe
        )
        for name, pair in PAIRS.items()
    }
    todo = [p for p, r in requests.items() if not is_made(p, r, overwrite=args.overwrite)]
    for (path, request), pair in zip(requests.items(), PAIRS.values(), strict=True):
        if path in todo and not _paint(path, request, args):
            say("stopped; finished pictures are kept")
            return INTERRUPTED
        taken = clock(read_provenance(images.read_metadata(path)).seconds or 0)
        say(f"{path}: {pair.style_credit}; {taken if path in todo else 'kept'}")
        row = (
            (pair.content_path, pair.content_credit),
            (pair.style_path, pair.style_credit),
            (path, f"impasto paint, {taken}"),
        )
        rows.append([CaptionedImage(images.to_pil(images.read(p).tensor), c) for p, c in row])
    write_sheet(sheet, contact_sheet(rows))
    say(f"{sheet}: content | style | result")
    return 0


def _paint(path: Path, request: PaintRequest, args: argparse.Namespace) -> bool:
    """Paint and save a picture; False after Ctrl-C, when nothing is saved."""
    with ProgressBar(quiet=args.quiet) as bar:
        options = RunOptions(device=args.device, handle_interrupt=True)
        running = run_request(request, options, listener=bar.show)
        with running:
            for event in running:
                if isinstance(event, Note) and not args.quiet:
                    print_note(event)
    if running.result.is_finished:
        running.result.save(path)
    return running.result.is_finished

"""``impasto gallery``: an HTML page of the results in a folder."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from impasto.cli.shared.counting import counted
from impasto.cli.shared.exit_codes import WRONG_INPUT
from impasto.cli.shared.messages import counted_noun, say, sentence, warn
from impasto.cli.shared.outputs import check_replaceable
from impasto.errors import ImpastoError, OptionError
from impasto.evaluation.matching import picture_files
from impasto.reports.gallery import Card, read_card, write_page
from impasto.reports.html import check_page
from impasto.runtime.files import real_path


def run(args: argparse.Namespace) -> int:
    """Write the page and return the exit code: 2 if any picture cannot be read."""
    output = args.output or args.folder / "gallery.html"
    check_page(output, by="The gallery")
    if not os.path.isdir(args.folder):
        raise OptionError(f"{args.folder} is not a folder: name a folder of pictures.")
    files = picture_files(args.folder)
    check_replaceable(output, overwrite=args.overwrite)
    paths = counted(files, lambda path: path.name, quiet=args.quiet)
    outcomes = [_read(path, args, output) for path in paths]
    cards = [card for card in outcomes if isinstance(card, Card)]
    failed = [reason for reason in outcomes if isinstance(reason, str)]
    for reason in failed:
        warn(reason)
    if cards:
        write_page(output, real_path(args.folder).name, cards)
        if not args.quiet:
            say(f"{output}: {counted_noun(len(cards), 'picture')}")
    return WRONG_INPUT if failed else 0


def _read(path: Path, args: argparse.Namespace, page: Path) -> Card | str:
    """The card of a picture, or the error message."""
    try:
        return read_card(path, folder=args.folder, page=page, max_pixels=args.max_pixels)
    except ImpastoError as error:
        return sentence(error)

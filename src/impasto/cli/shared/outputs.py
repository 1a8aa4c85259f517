"""Checks of outputs: they can be written, replace no inputs, and nothing that must be asked for.

There is one rule for files that exist already. A picture that the same request made from the same
files is kept. A sheet, page, table or animation of Impasto's is written anew. Anything else is
replaced only with ``--overwrite``.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

from impasto import __version__, images
from impasto.errors import OptionError
from impasto.jobs.existing import Existing, find_existing, is_own_file
from impasto.jobs.requests import Request
from impasto.painting.animations import ANIMATIONS
from impasto.reports.html import PAGE_ENDINGS
from impasto.runtime.files import check_writable

_SNAPSHOT = re.compile(r"step-\d+\.png")


def check_outputs(args: argparse.Namespace, inputs: Iterable[object]) -> None:
    """Check the outputs of a run before any work, except whether its picture exists.

    Args:
        args: Options of :func:`impasto.cli.shared.run_options.add_run_options`, and ``output``.
        inputs: See :func:`check_apart`.

    Raises:
        ImpastoError: If a file cannot be written, or would replace another.
    """
    images.check_output(args.output, quality=args.quality, depth=args.depth)
    pages = {"--log": args.log, "--report": getattr(args, "report", None)}
    outputs = {"-o": args.output, **pages, "--snapshots-to": args.snapshots_to}
    check_apart(outputs.items(), inputs)
    if args.log is not None and args.log.suffix.lower() in (*images.FORMATS, *PAGE_ENDINGS):
        raise OptionError(f"{args.log} would be a table of losses: name the --log .csv.")
    for flag, path in pages.items():
        if path is not None:
            check_replaceable(path, flag, overwrite=args.overwrite)
    for path in _existing_snapshots(args):
        check_replaceable(path, "--snapshots-to", overwrite=args.overwrite)


def check_apart(outputs: Iterable[tuple[str, str | Path | None]], inputs: Iterable[object]) -> None:
    """Check that outputs replace neither inputs nor each other.

    Args:
        outputs: Flag and path; None if the flag was not given. A flag may have several paths.
        inputs: Names of input files; other names and None are ignored.

    Raises:
        OptionError: If two outputs are the same file, or one is an input.
    """
    read = {os.path.realpath(str(name)) for name in inputs if name is not None}
    flags: dict[str, str] = {}
    for flag, path in outputs:
        if path is None:
            continue
        target = os.path.realpath(path)
        if target in flags:
            raise OptionError(f"{flags[target]} and {flag} name the same file {path}.")
        if target in read and os.path.isfile(target):
            raise OptionError(f"{path} is read and would be replaced: name another {flag}.")
        flags[target] = flag


def check_replaceable(path: str | Path, flag: str = "-o", *, overwrite: bool) -> None:
    """Check that a sheet, page or table can be written, and what would be replaced.

    Raises:
        ImpastoError: If it cannot be written, or a file that is not Impasto's would be replaced.
    """
    check_writable(Path(path))
    if os.path.lexists(path) and not (overwrite or is_own_file(path)):
        raise OptionError(
            f"{path} exists already and is not of Impasto's making: name another {flag}, or "
            "replace it with --overwrite."
        )


def is_made(
    path: str | Path,
    request: Request,
    *,
    overwrite: bool,
    depth: int = 8,
    source_metadata: str = "strip",
) -> bool:
    """Whether the picture of a request is there already, saved in this way.

    Raises:
        OptionError: If something else is there, and may not be replaced.
    """
    existing = Existing.NOTHING
    if not overwrite:
        existing = find_existing(path, request, depth=depth, source_metadata=source_metadata)
    if existing is Existing.OTHER:
        raise OptionError(
            f"{path} exists already and was made in another way: name another -o, or replace it "
            "with --overwrite."
        )
    return existing is Existing.SAME


def write_sheet(path: Path, sheet: Image.Image) -> None:
    """Write a contact sheet, with the mark by which it is known as Impasto's.

    Raises:
        ImageError: If it cannot be written.
    """
    metadata = {"impasto": __version__, "made as": "sheet"}
    images.write(path, images.from_pil(sheet).tensor, quality=92, metadata=metadata)


def _existing_snapshots(args: argparse.Namespace) -> list[Path]:
    """The files of an earlier run where snapshots are to be saved."""
    if args.snapshots is None:
        return []
    place = snapshots_place(args)
    if place.suffix.lower() in ANIMATIONS:
        return [place] if os.path.lexists(place) else []
    if not os.path.isdir(place):
        return []
    return [place / name for name in os.listdir(place) if _SNAPSHOT.fullmatch(name)]


def snapshots_place(args: argparse.Namespace) -> Path:
    """The folder or the animation of the snapshots."""
    output = Path(args.output)
    return args.snapshots_to or output.with_name(f"{output.stem}-steps")

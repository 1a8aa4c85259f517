"""What a command writes must not replace what it reads, nor one output another."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

from impasto import images
from impasto.errors import OptionError
from impasto.runtime.files import check_writable


def check_outputs(args: argparse.Namespace, inputs: Iterable[object]) -> None:
    """Refuse, before any work, what cannot be written where a run is to write it.

    Args:
        args: With what :func:`impasto.cli.shared.run_options.add_run_options` adds.
        inputs: As for :func:`check_apart`.

    Raises:
        ImpastoError: If a file cannot be written, or should not be.
    """
    images.check_output(args.output, quality=args.quality)
    pages = {"--log": args.log, "--report": getattr(args, "report", None)}
    for path in pages.values():
        if path is not None:
            check_writable(path)
    outputs = {"-o": args.output, **pages, "--snapshots-to": args.snapshots_to}
    check_apart(outputs.items(), inputs)


def check_apart(outputs: Iterable[tuple[str, str | Path | None]], inputs: Iterable[object]) -> None:
    """Refuse outputs that would replace what is read, or each other.

    Args:
        outputs: A flag and what it names, None if it was not given; several may have one flag.
        inputs: What is read; names of files among others, and None.

    Raises:
        OptionError: If two flags name one file, or one names a file that is read.
    """
    read = {os.path.realpath(str(name)) for name in inputs if name is not None}
    written: dict[str, str] = {}
    for flag, path in outputs:
        if path is None:
            continue
        place = os.path.realpath(path)
        if place in written:
            raise OptionError(f"{written[place]} and {flag} name the same file {path}.")
        if place in read and os.path.isfile(place):
            raise OptionError(f"{path} is read and would be replaced: name another {flag}.")
        written[place] = flag

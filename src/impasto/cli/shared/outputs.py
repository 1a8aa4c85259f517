"""Checks that outputs can be written and replace neither inputs nor each other."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from pathlib import Path

from impasto import images
from impasto.errors import OptionError
from impasto.runtime.files import check_writable


def check_outputs(args: argparse.Namespace, inputs: Iterable[object]) -> None:
    """Check the outputs of a run before any work.

    Args:
        args: Options of :func:`impasto.cli.shared.run_options.add_run_options`, and ``output``.
        inputs: See :func:`check_apart`.

    Raises:
        ImpastoError: If a file cannot be written, or would replace another.
    """
    images.check_output(args.output, quality=args.quality, depth=args.depth)
    pages = {"--log": args.log, "--report": getattr(args, "report", None)}
    for path in pages.values():
        if path is not None:
            check_writable(path)
    outputs = {"-o": args.output, **pages, "--snapshots-to": args.snapshots_to}
    check_apart(outputs.items(), inputs)


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

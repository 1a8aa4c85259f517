"""Errors and notes on the terminal."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from impasto.errors import ImpastoError

if TYPE_CHECKING:
    from impasto.jobs.events import Note


def flag(name: str) -> str:
    """``style_weight`` as the command line spells it: ``--style-weight``."""
    return f"--{name.replace('_', '-')}"


def sentence(error: ImpastoError) -> str:
    """An error's message, with options named as flags and without control characters."""
    return printable(error.render(flag))


def printable(text: str) -> str:
    """Text that may come from a file, with escapes for what a terminal would obey."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def print_error(error: ImpastoError) -> None:
    """Print an error on stderr."""
    print(f"impasto: {sentence(error)}", file=sys.stderr)


def print_note(note: Note) -> None:
    """Print a note of a run on stderr."""
    text = printable(note.text) if note.error is None else sentence(note.error)
    with contextlib.suppress(OSError):  # the terminal may have been closed
        print(f"impasto: {text}", file=sys.stderr)

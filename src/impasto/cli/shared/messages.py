"""Errors and notes on the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from impasto.errors import ImpastoError

if TYPE_CHECKING:
    from impasto.jobs.events import Note


def flag(name: str) -> str:
    """``style_weight`` as the command line spells it: ``--style-weight``."""
    return f"--{name.replace('_', '-')}"


def sentence(error: ImpastoError) -> str:
    """An error's message, with options named as flags."""
    return error.render(flag)


def print_error(error: ImpastoError) -> None:
    """Print an error on stderr."""
    print(f"impasto: {sentence(error)}", file=sys.stderr)


def print_note(note: Note) -> None:
    """Print a note of a run on stderr."""
    text = note.text if note.error is None else sentence(note.error)
    print(f"impasto: {text}", file=sys.stderr)

"""Sentences for the terminal."""

from __future__ import annotations

import sys

from impasto.errors import ImpastoError


def flag(name: str) -> str:
    """``style_weight`` as the command line spells it: ``--style-weight``."""
    return f"--{name.replace('_', '-')}"


def sentence(error: ImpastoError) -> str:
    """An error's message, with options named as flags."""
    return error.render(flag)


def print_error(error: ImpastoError) -> None:
    """Print an error on stderr."""
    print(f"impasto: {sentence(error)}", file=sys.stderr)

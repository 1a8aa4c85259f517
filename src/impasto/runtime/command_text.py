"""Commands as text that a person can paste into a shell of this platform."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence

_PLAIN = re.compile(r"[\w.:\\/=+-]+")
_UNSAFE = re.compile(r'["“”„%$`!]|\\$')
"""What cmd or PowerShell interpret within double quotes."""


def quoted_words(words: Sequence[str], *, platform: str = os.name) -> list[str] | None:
    """The words of a command, quoted where the shells of the platform need it.

    Args:
        words: The program and its arguments.
        platform: As ``os.name``: ``"nt"`` stands for cmd and PowerShell, others for POSIX shells.

    Returns:
        None if a word cannot be quoted so that every shell of the platform takes it as it is:
        control characters, and on Windows quotation marks, ``%``, ``$``, ``!`` and backquotes.
    """
    if not all(map(str.isprintable, words)):
        return None
    if platform != "nt":
        return [shlex.quote(word) for word in words]
    if any(map(_UNSAFE.search, words)):
        return None
    return [word if _PLAIN.fullmatch(word) else f'"{word}"' for word in words]


def command_line(words: Sequence[str]) -> str:
    """A command of the user's own as one line, quoted for a POSIX shell where all else fails."""
    return " ".join(quoted_words(words) or map(shlex.quote, words))

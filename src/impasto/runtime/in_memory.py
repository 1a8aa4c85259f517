"""What things without a file or a registered name are called in metadata and messages.

A picture's metadata tells honestly that its photograph, its encoder or its statistic was an object
of a program. Such a label is never the name of anything, so nothing can be made again from it.
"""

from __future__ import annotations

import re
from pathlib import Path

from impasto.errors import OptionError

_LONGEST = 200  # characters of a name
_LABEL = re.compile(r"\((?:a|an) (picture|encoder|statistic|model) in memory(?:: [^()]*)?\)")


def name_of(source: object) -> str:
    """What a picture is called: its path if it was given as one, else a label."""
    return str(source) if isinstance(source, str | Path) else "(a picture in memory)"


def label(kind: str, thing: object) -> str:
    """What an object is called, as ``(an encoder in memory: Mine)``.

    It is called by its description (of a statistic), its own name (of a function), or its class.

    Args:
        kind: ``"encoder"`` or ``"statistic"``.
        thing: The object.
    """
    name = getattr(thing, "about", "") or getattr(thing, "__name__", type(thing).__name__)
    article = "an" if kind[0] in "aeiou" else "a"
    return f"({article} {kind} in memory: {re.sub('[()]', '', str(name))[:_LONGEST]})"


def gone(text: str) -> OptionError:
    """The error for a label where the thing itself is needed.

    Args:
        text: The label.
    """
    described = text.strip("()")
    return OptionError(
        f"The picture was made from {described}. No file holds it, so only the program that made "
        "the picture can make it again.",
        got=text,
    )


def kind_of_label(text: object) -> str:
    """``"picture"``, ``"encoder"`` or the like for a label; empty for any other text."""
    found = _LABEL.fullmatch(text) if isinstance(text, str) else None
    return found[1] if found else ""

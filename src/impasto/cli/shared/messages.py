"""What commands print: errors and notes on stderr, results and what was done on stdout.

Printing never stops the work (:mod:`impasto.runtime.terminal`), except where the text itself is the
result.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from impasto.errors import ImpastoError, printable
from impasto.errors import counted_noun as counted_noun
from impasto.runtime.terminal import console

if TYPE_CHECKING:
    from rich.console import RenderableType

    from impasto.jobs.events import Note


def flag(name: str) -> str:
    """``style_weight`` as the command line spells it: ``--style-weight``."""
    return f"--{name.replace('_', '-')}"


def sentence(error: ImpastoError) -> str:
    """An error's message, with options named as flags and without control characters."""
    return error.render(flag)


def print_error(error: ImpastoError) -> None:
    """Print an error on stderr."""
    warn(sentence(error))


def print_note(note: Note) -> None:
    """Print a note of a run on stderr."""
    warn(note.render(flag))


def warn(text: str) -> None:
    """Print a message on stderr, after the program's name."""
    print(f"impasto: {printable(text)}", file=sys.stderr)


def inform(text: str) -> None:
    """Print a line on stderr about what is being done."""
    print(printable(text), file=sys.stderr)


def say(text: str) -> None:
    """Print a line on stdout about what was done."""
    print(printable(text))


def print_result(text: RenderableType, *, end: str = "\n") -> None:
    """Print what the command was run for on stdout: text of several lines, or a table.

    Raises:
        ImpastoError: If it cannot be printed, unless the reader closed the pipe (``… | head``).
    """
    if isinstance(text, str):
        print(text, end=end)
    else:
        console().print(text)
    sys.stdout.flush()
    failure = getattr(sys.stdout, "failure", None)
    if failure is not None and not isinstance(failure, BrokenPipeError):
        reason = getattr(failure, "strerror", None) or failure
        raise ImpastoError(f"The output could not be printed ({reason}): print it elsewhere.")


def print_json(value: Any) -> None:
    """Print a value as JSON, as :func:`print_result` prints text.

    Names that are not valid UTF-8 and invisible characters become the escapes of JSON.
    """
    print_result(json_text(json.dumps(value, indent=2, ensure_ascii=False)))


def print_json_line(value: Any) -> None:
    """Print a value as one line of JSON on stdout, at once."""
    print(json_text(json.dumps(value, ensure_ascii=False)))
    sys.stdout.flush()


def json_text(text: str) -> str:
    """JSON whose invisible characters are escaped as JSON escapes them."""
    return "".join(map(_json_letter, text))


def _json_letter(letter: str) -> str:
    if letter == "\n" or printable(letter) == letter:
        return letter
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))

"""The one family of errors for a caller's mistake or a broken input.

Each message is a sentence or two for a person: what was got, what is allowed, what to do. A message
names options by :func:`option`, never by a command-line flag. ``str(error)`` then shows
``style_weight``, the command line ``--style-weight``, a page the label of a form
(:meth:`ImpastoError.render`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from difflib import get_close_matches

# Control characters around a field's name: no message, path or number contains them by accident.
_OPEN, _CLOSE = "\x02", "\x03"
_FIELD = re.compile(f"{_OPEN}([a-z_]+){_CLOSE}")


def option(name: str) -> str:
    """A reference to an option in an error message, to be rendered by whoever shows it.

    Args:
        name: As the Python interface spells it, e.g. ``"style_weight"``.
    """
    return f"{_OPEN}{name}{_CLOSE}"


def counted_noun(count: int, noun: str, verb: str = "") -> str:
    """A count with its noun: ``1 picture``, ``2 pictures``; and a verb: ``1 style needs``."""
    counted = f"{count} {noun}{'s' * (count != 1)}"
    return f"{counted} {verb}{'s' * (count == 1)}" if verb else counted


def printable(text: str) -> str:
    r"""Text that may come from a file, with escapes for all that a terminal would obey.

    Letters, signs and every kind of space stay. Control characters, marks that change the direction
    of writing, ends of lines and undecodable bytes of file names become ``\x1b`` and the like.
    """
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(letter: str) -> str:
    if letter.isprintable() or unicodedata.category(letter) == "Zs":
        return letter
    return letter.encode("unicode_escape").decode("ascii")


_LONG_NUMBER = re.compile(r"\d{40,}")
_LONGEST_MESSAGE = 10_000  # characters


def shortened(text: str) -> str:
    """Text for a message: numbers of many digits, and texts of many pages, are cut."""
    text = _LONG_NUMBER.sub(lambda m: f"{m[0][:12]}… ({len(m[0])} digits)", text)
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"


def render(text: str, name: Callable[[str], str] = str) -> str:
    """A message as one line, with its references to options as an interface names them.

    Args:
        text: With references by :func:`option`. Control characters in it are escaped.
        name: ``"style_weight"`` → how this interface calls it; by default as it is.
    """
    return printable(shortened(_FIELD.sub(lambda found: name(found[1]), text)))


class ImpastoError(Exception):
    """Something the caller can put right; ``str(error)`` says how.

    Args:
        message: For a person, naming options by :func:`option`.
        got: The value that was given, if one value is wrong.
        allowed: What would do, if it is a list or a range.
        remedy: What to do, if it is not in the message already; added to it.

    Attributes:
        field: The first option that the message names; empty if it names none.
        got, allowed, remedy: See above.
    """

    def __init__(
        self, message: str, *, got: object = None, allowed: object = None, remedy: str = ""
    ) -> None:
        super().__init__(f"{message} {remedy}" if remedy else message)
        self.got, self.allowed, self.remedy = got, allowed, remedy

    @property
    def message(self) -> str:
        """With its references to options, to be part of another message."""
        return str(self.args[0])

    @property
    def field(self) -> str:
        """The first option that the message names."""
        found = _FIELD.search(self.message)
        return found[1] if found else ""

    def render(self, name: Callable[[str], str]) -> str:
        """The message with every option named in the way of a user interface.

        It is one line without control characters, whatever names and values it contains.

        Args:
            name: ``"style_weight"`` → how this interface calls it.
        """
        return render(self.message, name)

    def __str__(self) -> str:
        return render(self.message)


class ImageError(ImpastoError):
    """A picture cannot be read, used or written."""


class WeightsError(ImpastoError):
    """A weight or model file is missing, broken, of another kind, or cannot be fetched."""


class OptionError(ImpastoError, ValueError):
    """An option or argument has a value that is not allowed."""


class InputDataError(ImpastoError):
    """A folder or file of data (training pictures, logs, checkpoints) cannot be used."""


def with_file_name(name: object, error: ImpastoError) -> ImpastoError:
    """The error, whose message begins with the file's name unless it mentions it already."""
    if str(name) in error.message:
        return error
    return type(error)(f"{name}: {error.message}", got=error.got, allowed=error.allowed)


def unknown_name(kind: str, got: str, allowed: Iterable[str]) -> OptionError:
    """An error for a name that is not in a table, listing the table and the nearest match.

    Args:
        kind: What the name names, in words, e.g. ``"layer"``.
        got: The name that was given.
        allowed: Every name that would do, in the order to list them.
    """
    names = list(allowed)
    near = get_close_matches(got, names, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return OptionError(
        f"Unknown {kind} '{got}': choose one of {', '.join(names)}.{hint}", got=got, allowed=names
    )

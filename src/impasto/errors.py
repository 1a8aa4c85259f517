"""The one family of errors that Impasto raises for a caller's mistake or a broken input.

Each message is one sentence or two for a person: what was got, what is allowed, what to do. The
command line prints it and exits with code 2; a library caller catches :class:`ImpastoError`.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class ImpastoError(Exception):
    """Something the caller can put right; ``str(error)`` says how."""


class ImageError(ImpastoError):
    """A picture cannot be read, used or written."""


class WeightsError(ImpastoError):
    """A weight or model file is missing, broken, of another kind, or cannot be fetched."""


class OptionError(ImpastoError, ValueError):
    """An option or argument has a value that is not allowed."""


class InputDataError(ImpastoError):
    """A folder or file of data (training pictures, logs, checkpoints) cannot be used."""


def told_of(name: object, error: ImpastoError) -> str:
    """The sentence of an error, which begins with the file's name if it does not tell it."""
    return str(error) if str(name) in str(error) else f"{name}: {error}"


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
    return OptionError(f"Unknown {kind} '{got}': choose one of {', '.join(names)}.{hint}")

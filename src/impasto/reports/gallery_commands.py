"""The shell command that makes a picture again."""

from __future__ import annotations

import shlex
from pathlib import Path

from impasto.jobs.requests import Request, StylizeRequest, name_of_source
from impasto.runtime.fields import entries


def rerun_command(path: Path, request: Request) -> list[str] | None:
    """The words of the shell command that makes a picture again, quoted.

    Metadata are untrusted. Names are quoted and cannot be taken for options.

    Returns:
        None if a name has control characters.
    """
    output = _file(str(path.with_name(f"{path.stem}-again{path.suffix}")))
    if isinstance(request, StylizeRequest) and not (request.mask or request.regions):
        words = ["impasto", "stylize", _file(name_of_source(request.content)), "--style"]
        for style in request.styles:
            weight = 1.0 if style.weight is None else style.weight
            share = "" if len(request.styles) == 1 else f":{weight:g}"
            words.append(_file(style.name) + share)
        for name, value in stylize_changes(request).items():
            words.append(f"--{name.replace('_', '-')}={value}")
    else:
        words = ["impasto", "rerun", _file(str(path))]
    words += ["-o", output]
    return [shlex.quote(word) for word in words] if all(map(str.isprintable, words)) else None


def stylize_changes(request: StylizeRequest) -> dict[str, str]:
    """Options of ``impasto stylize`` that differ from their defaults."""
    changes = {}
    for name, entry in entries(StylizeRequest).items():
        value = getattr(request, name)
        if value != entry.default:
            changes[name] = f"{value:g}" if isinstance(value, float) else str(value)
    return changes


def _file(name: str) -> str:
    return f"./{name}" if name.startswith("-") else name

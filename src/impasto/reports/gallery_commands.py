"""The shell command that makes a picture again."""

from __future__ import annotations

from pathlib import Path

from impasto.jobs.requests import Request, StylizeRequest, name_of_source
from impasto.runtime.command_text import quoted_words
from impasto.runtime.fields import entries
from impasto.runtime.strangers_paths import leads_elsewhere


def rerun_command(path: Path, request: Request) -> list[str] | None:
    """The words of the shell command that makes a picture again, quoted.

    Metadata are untrusted. Names are quoted and cannot be taken for options. Files outside of the
    current folder are left to ``rerun``, which asks first.

    Returns:
        None if a name cannot be quoted (:func:`impasto.runtime.command_text.quoted_words`).
    """
    output = _file(str(path.with_name(f"{path.stem}-again{path.suffix}")))
    is_elsewhere = any(map(leads_elsewhere, request.files))
    if isinstance(request, StylizeRequest) and not (
        is_elsewhere or request.mask or request.regions
    ):
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
    return quoted_words(words)


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

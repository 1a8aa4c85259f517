"""The shell command that makes a picture again."""

from __future__ import annotations

from pathlib import Path

from impasto.jobs.as_command import command_words
from impasto.jobs.requests import Request, StylizeRequest
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
    output = str(path.with_name(f"{path.stem}-again{path.suffix}"))
    is_elsewhere = any(map(leads_elsewhere, request.files))
    if isinstance(request, StylizeRequest) and not (
        is_elsewhere or request.mask or request.regions
    ):
        return command_words(request, output)
    return quoted_words(["impasto", "rerun", _file(str(path)), "-o", _file(output)])


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

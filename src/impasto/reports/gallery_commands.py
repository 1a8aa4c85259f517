"""The command that makes a picture again, from what its file says."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from impasto.recipes.recipe import Recipe
from impasto.runtime.provenance import parsed, read_provenance

_USUAL = {
    "strength": "1",
    **{name: getattr(Recipe, name) for name in ("colour", "colour_space", "colour_match")},
    "model": "",
    "size": "",
}
"""The options of ``impasto stylize`` that a file tells, and what they are if nothing is said."""


def command_again(path: Path, metadata: Mapping[str, str]) -> list[str] | None:
    """The words of a line for the shell, each quoted where it must be; None if too little is told.

    Metadata can be anyone's: what they name is quoted, kept from being taken for an option, and a
    name with control characters gives no line at all.
    """
    again = path.with_name(f"{path.stem}-again{path.suffix}")
    if "recipe" in metadata or _has_areas(metadata):
        return _line(["impasto", "rerun", _file(str(path)), "-o", _file(str(again))])
    if "stylize" in metadata:
        return _stylize(metadata, again)
    return None


def stylize_changes(metadata: Mapping[str, str]) -> dict[str, str]:
    """The options of ``impasto stylize`` that were not as usual, by their names."""
    told = parsed(metadata.get("stylize", ""))
    if not isinstance(told, dict):
        return {}
    values = {name: _plain(told[name]) for name in _USUAL if name in told}
    return {name: value for name, value in values.items() if value != _USUAL[name]}


def _has_areas(metadata: Mapping[str, str]) -> bool:
    """Whether masks or regions were used, which ``impasto rerun`` reads from the file."""
    told = parsed(metadata.get("stylize", ""))
    return isinstance(told, dict) and ("regions" in metadata or bool(told.get("mask")))


def _stylize(metadata: Mapping[str, str], again: Path) -> list[str] | None:
    origin = read_provenance(metadata)
    if not origin.content or not origin.styles:
        return None
    words = ["impasto", "stylize", _file(origin.content), "--style"]
    for name, share in origin.styles:
        words.append(_file(name) + ("" if len(origin.styles) == 1 else f":{share:g}"))
    for name, value in stylize_changes(metadata).items():
        words.append(f"--{name.replace('_', '-')}={value}")
    return _line([*words, "-o", _file(str(again))])


def _file(name: str) -> str:
    return f"./{name}" if name.startswith("-") else name


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _line(words: list[str]) -> list[str] | None:
    if not all(word.isprintable() for word in words):
        return None
    return [shlex.quote(word) for word in words]

"""The completion script of a shell, made from the parser by shtab."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping
from typing import Any

import shtab

_FOLDERS = {"DIR", "FOLDER", "RESULTS"}
_FILES = {
    *("CLIP", "CONTENT", "FILE", "IMAGE", "MODEL", "OUT", "PAGE", "PATH"),
    *("PHOTO", "PICTURE", "SHEET", "STYLE"),
}
"""Placeholders of values that are paths; of several, as in ``DIR|FILE``, one is enough."""


def completion_script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script that completes commands, options, choices and paths.

    Args:
        parser: The parser of all commands; its actions get shtab's ``complete``.
        shell: ``"bash"``, ``"zsh"`` or ``"fish"``.
    """
    for action in actions(parser):
        path = _path_kind(action)
        if path is not None:
            action.complete = path  # type: ignore[attr-defined]
    return shtab.complete(parser, shell)


def actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Every argument and option of a parser and of the parsers of its commands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from actions(command)


def _path_kind(action: argparse.Action) -> Mapping[str, Any] | None:
    """What shtab completes the value of an argument with, if it is a path."""
    if action.choices is not None or action.nargs == 0 or not isinstance(action.metavar, str):
        return None
    words = set(re.findall(r"[A-Z]+", action.metavar))
    if words & _FILES and "=" not in action.metavar:
        return shtab.FILE
    return shtab.DIRECTORY if words & _FOLDERS else None

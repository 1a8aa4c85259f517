"""Declared entries as text for ``help()``: name, type, range and default of each."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from impasto.runtime.fields import Entry, entries
from impasto.runtime.registry import Registry

Function = TypeVar("Function", bound=Callable[..., Any])

_WIDTH = 100
_TYPES = {int: "int", float: "float", str: "str", bool: "bool", dict: "layer → weight"}


def lists_entries(kind: type, heading: str, defaults: str = "") -> Callable[[Function], Function]:
    """A decorator that adds the entries that a function's keywords may change to its docstring.

    Args:
        kind: The dataclass of the entries.
        heading: Above the list.
        defaults: A sentence about where the defaults come from.
    """

    def add(function: Function) -> Function:
        if function.__doc__ is not None:  # which python -OO leaves out
            introduction = f"        {defaults}\n\n" if defaults else ""
            function.__doc__ = (
                f"{function.__doc__.rstrip()}\n\n    {heading}:\n{introduction}{entry_lines(kind)}"
            )
        return function

    return add


def entry_lines(kind: type) -> str:
    """A paragraph for each entry of a dataclass, indented as attributes are in a docstring."""
    return "".join(f"{_paragraph(declared)}\n" for declared in entries(kind).values())


def _paragraph(declared: Entry) -> str:
    about = f"{declared.help[0].upper()}{declared.help[1:]}"
    text = f"{declared.name}: {about} ({_type(declared)}; default {_shown(declared.default)})."
    indent = " " * 8
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent + " " * 4,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _type(declared: Entry) -> str:
    names = _names(declared)
    if names:
        kind = ", ".join(repr(name) for name in names)
    elif declared.range is not None:
        least, greatest = declared.range
        kind = f"{_TYPES[declared.kind]} from {least:g} to {greatest:g}"
    else:
        kind = _TYPES[declared.kind]
    return kind if declared.objects is None else f"{kind} or {declared.objects.words}"


def _names(declared: Entry) -> Collection[str]:
    # Those of installed packages are left out: to find them takes time.
    if isinstance(declared.choices, Registry):
        return declared.choices.known
    return declared.names or ()


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{layer} {weight:g}" for layer, weight in value.items())
    return repr(value)

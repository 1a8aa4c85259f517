"""Pictures by one call with a few numbers: the requests behind the tools of other protocols."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from impasto.errors import unknown_name
from impasto.jobs.request_json import VERSION
from impasto.jobs.requests import StylizeRequest
from impasto.recipes.presets import RECIPES
from impasto.recipes.recipe import FIELDS
from impasto.runtime.fields import Entry, entries

_ONE_PASS = entries(StylizeRequest)


@dataclass(frozen=True)
class Call:
    """A call that makes a picture of a photograph and a style.

    Attributes:
        about: What it does, for people and for programs that choose among calls.
        style: What the style may be.
        entries: Name → the declared entry that the number or word is of.
        request: Style and values → a posted request; the photograph is ``upload:content``.
    """

    about: str
    style: str
    entries: Mapping[str, Entry]
    request: Callable[[str, Mapping[str, Any]], dict[str, Any]]


def _stylize(style: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {**_head("stylize", style), **values}


def _paint(style: str, values: Mapping[str, Any]) -> dict[str, Any]:
    changes = dict(values)
    name = changes.pop("recipe", "default")
    if not isinstance(name, str) or name not in RECIPES:
        raise unknown_name("recipe", str(name), RECIPES)
    # What is as usual is as the recipe has it: clients send every value.
    own = {entry: value for entry, value in changes.items() if value != FIELDS[entry].default}
    return {**_head("paint", style), "recipe": {**RECIPES[name].to_dict(), **own}}


def _head(kind: str, style: str) -> dict[str, Any]:
    styles = [{"source": style}]
    return {"version": VERSION, "kind": kind, "content": "upload:content", "styles": styles}


CALLS: Mapping[str, Call] = {
    "stylize": Call(
        "Paint a photograph in one pass, in about a second",
        "a picture, or the name of one of the server's styles",
        {name: _ONE_PASS[name] for name in ("size", "strength", "style_scale", "colour")},
        _stylize,
    ),
    "paint": Call(
        "Paint a photograph by optimization, which takes minutes and looks best",
        "a picture, or sample:NAME for one of the server's",
        {
            "recipe": Entry(
                "how to paint, by name", choices=RECIPES, name="recipe", default="default"
            ),
            **{name: FIELDS[name] for name in ("size", "strength", "style_scale", "colour")},
        },
        _paint,
    ),
}
"""Name → call."""

"""Rows as requests: what the whole batch has in common, changed by what a row says.

Rows are untrusted. Every entry is checked as those of the command line are, names of presets are
names and no files, and nothing but the entries of a request can be set.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from impasto.batch.names import checked_name, clean_name, with_format
from impasto.batch.places import is_remote, joined
from impasto.batch.shards import RawRow
from impasto.errors import OptionError, unknown_name
from impasto.images.formats import FORMATS
from impasto.jobs.request_json import from_json
from impasto.jobs.requests import (
    PaintRequest,
    StyleInput,
    StylizeRequest,
    parse_styles,
    split_styles,
)
from impasto.recipes.presets import RECIPES, get_recipe
from impasto.recipes.recipe import FIELDS, INITS, Recipe
from impasto.runtime.fields import Entry, entries, is_number, typed_changes
from impasto.runtime.strangers_paths import is_network_name
from impasto.weights.records import is_file_name

PAINT, STYLIZE = PaintRequest.kind, StylizeRequest.kind

_OWN = ("id", "output", "content", "kind", "style", "styles", "vector", "request")
_MASKS = ("mask", "style_mask")
_OF_KIND: Mapping[str, Mapping[str, Entry]] = {
    STYLIZE: entries(StylizeRequest),
    PAINT: {**FIELDS},
}
_LONGEST_NAME = 4096
_LONGEST_ID = 1000
_MOST_STYLES = 100
_LONGEST_VECTOR = 1 << 16

COLUMNS = tuple(dict.fromkeys((*_OWN, *_MASKS, *_OF_KIND[STYLIZE], *FIELDS, "recipe")))
"""Every entry that a row may have."""


@dataclass(frozen=True)
class Template:
    """What all rows have in common; a row's own entries come first.

    Attributes:
        kind: ``"stylize"`` or ``"paint"``.
        styles: None if every row names its own.
        entries: Of the request, or changes to the recipe.
        recipe: Of paintings by optimization, as plain values.
    """

    kind: str = STYLIZE
    styles: tuple[StyleInput, ...] = ()
    entries: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, styles: tuple[StyleInput, ...], changes: Mapping[str, Any], recipe: Recipe | None
    ) -> Template:
        """A template whose entries are checked.

        Args:
            styles: Of all rows without their own; may be none.
            changes: Entries of the request, or of the recipe.
            recipe: Of paintings by optimization; None for one pass.

        Raises:
            OptionError: For an unknown entry, or a value that is not allowed.
        """
        if recipe is not None:
            return cls(PAINT, styles, recipe=recipe.replace(**changes).to_dict())
        checked = StylizeRequest("-", styles or (StyleInput("-"),)).replace(**changes)
        own = typed_changes(StylizeRequest, changes, "option")
        return cls(STYLIZE, styles, {name: getattr(checked, name) for name in own})

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        styles = [{"source": s.name, "weight": s.weight, "level": s.level} for s in self.styles]
        return {
            "kind": self.kind,
            "styles": styles,
            "entries": dict(self.entries),
            "recipe": dict(self.recipe),
        }

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> Template:
        """The template of :meth:`to_dict`."""
        styles = tuple(StyleInput(**style) for style in described["styles"])
        return cls(described["kind"], styles, described["entries"], described["recipe"])


@dataclass(frozen=True)
class Row:
    """A picture to make.

    Attributes:
        number: See :class:`RawRow`.
        id: What the log calls it.
        output: Name below the output folder, with its suffix; empty if it has none.
        request: What makes it, or None.
        data: Its content, if the input holds it.
        vector: Style vector that takes the place of styles, if the row has one.
        problem: Why there is no request.
    """

    number: int
    id: str
    output: str = ""
    request: PaintRequest | StylizeRequest | None = None
    data: bytes | None = None
    vector: tuple[float, ...] = ()
    problem: str = ""


VECTOR = "vector"
"""Source of the style that stands for a row's vector until it is in a file."""


def read_row(
    raw: RawRow, template: Template, *, format_: str | None = None, ignored: Collection[str] = ()
) -> Row:
    """A row with its request, or with the sentence why it has none.

    Args:
        raw: Of the input.
        template: Of the batch.
        format_: Suffix of the outputs, without its dot; None: that of each name.
        ignored: Columns that are none of Impasto's.
    """
    id_ = str(raw.number)
    try:
        values = {name: value for name, value in raw.values.items() if name not in ignored}
        if given := values.pop("id", None):
            id_ = _text("id", given)[:_LONGEST_ID]
        if raw.problem:
            return Row(raw.number, id_, problem=raw.problem)
        check_columns(values)
        output, request, vector = _read(raw, values, template, format_)
        return Row(raw.number, id_, output, request, raw.data, vector)
    except OptionError as error:
        return Row(raw.number, id_, problem=error.message)


def check_columns(names: Collection[str], ignored: Collection[str] = ()) -> None:
    """Refuse entries that no row has: a misspelled one would be passed over.

    Raises:
        OptionError: For the first.
    """
    for name in names:
        if name not in COLUMNS and name not in ignored:
            error = unknown_name("column", name, COLUMNS)
            raise OptionError(f"{error.message} Columns of other programs can be ignored.")


def _read(
    raw: RawRow, values: dict[str, Any], template: Template, format_: str | None
) -> tuple[str, PaintRequest | StylizeRequest, tuple[float, ...]]:
    name = _text("output", values.pop("output")) if "output" in values else ""
    name = checked_name(name) if name else raw.name
    if "request" in values:
        request = _whole_request(values)
        content = str(request.content)
        vector: tuple[float, ...] = ()
    else:
        content = _text("content", values.pop("content", ""))
        if not content:
            raise OptionError("The row names no content.")
        place = content if raw.data is not None else _placed(content, raw.base)
        request, vector = _request(place, values, template, raw)
    return with_format(name or clean_name(content), format_), request, vector


def _whole_request(values: Mapping[str, Any]) -> PaintRequest | StylizeRequest:
    if others := sorted(values.keys() - {"request"}):
        raise OptionError(f"A row with a whole request has no {others[0]!r} beside it.")
    given = values["request"]
    try:
        text = given if isinstance(given, str) else json.dumps(given)
    except (TypeError, ValueError, RecursionError):  # a Parquet column of times, for example
        raise OptionError("The row's request must be JSON, or an object of such values.") from None
    request = from_json(text)
    if not isinstance(request, PaintRequest | StylizeRequest):
        raise OptionError(f"A batch paints pictures, and the row's request is {request.kind!r}.")
    return request


def _request(
    content: str, values: dict[str, Any], template: Template, raw: RawRow
) -> tuple[PaintRequest | StylizeRequest, tuple[float, ...]]:
    kind = values.pop("kind", template.kind)
    if not isinstance(kind, str) or kind not in _OF_KIND:
        raise unknown_name("kind of request", str(kind), _OF_KIND)
    vector = _vector(values.pop("vector")) if "vector" in values else ()
    styles = template.styles
    if vector:
        styles = (StyleInput(VECTOR),)
    for name in ("style", "styles"):
        if name in values:
            styles = _styles(values.pop(name), raw)
    if not styles:
        raise OptionError("The row names no style, and none is given for all.")
    masks: dict[str, Any] = {
        n: _placed(_text(n, values.pop(n)), raw.base) for n in _MASKS if n in values
    }
    own = {**(template.entries if kind == template.kind else {}), **_typed(values, kind, raw)}
    if kind == STYLIZE:
        return StylizeRequest(content, styles, **masks).replace(**own), vector
    if vector:
        raise OptionError("A style vector is for one pass, and the row is painted in steps.")
    preset = own.pop("recipe", None)
    recipe = Recipe().replace(**template.recipe) if preset is None else get_recipe(preset)
    return PaintRequest(content, styles, recipe.replace(**own), **masks), ()


def _typed(values: Mapping[str, Any], kind: str, raw: RawRow) -> dict[str, Any]:
    """Entries of a request in their types; names of files are refused where presets are meant."""
    typed = {}
    for name, value in values.items():
        declared = _OF_KIND[kind].get(name)
        if name == "recipe" and kind == PAINT:
            if not isinstance(value, str) or value not in RECIPES:
                raise unknown_name("recipe", str(value)[:100], RECIPES)
            typed[name] = value
            continue
        if declared is None:
            raise OptionError(f"The row has {name!r}, which requests of kind {kind!r} do not have.")
        if raw.is_text:
            value = _from_text(declared, value)
        if isinstance(value, str):
            _text(name, value)
            is_start = name == "init" and value not in INITS
            if is_start or (name in ("model", "encoder") and is_file_name(value)):
                value = _placed(value, raw.base)
        typed[name] = value
    return typed


def _from_text(declared: Entry, text: str) -> Any:
    """A cell of CSV in the type of its entry; what cannot be read is refused by the entry."""
    text = text.strip()
    if declared.kind is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    if declared.kind in (int, float, dict):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _styles(value: Any, raw: RawRow) -> tuple[StyleInput, ...]:
    """Styles as text (``wave:0.6,scream:0.4``), as a list of texts, or as objects."""
    given = split_styles(_text("style", value)) if isinstance(value, str) else value
    if not isinstance(given, list) or not 0 < len(given) <= _MOST_STYLES:
        raise OptionError(f"The row's style is a text or a list of 1 to {_MOST_STYLES}.")
    if all(isinstance(style, str) for style in given):
        styles = parse_styles(
            [_text("style", style) for style in given],
            is_file=lambda name: not is_network_name(name) and os.path.isfile(name),
        )
    else:
        styles = tuple(_style(style) for style in given)
    return tuple(StyleInput(_style_place(s.name, raw.base), s.weight, s.level) for s in styles)


def _style(value: Any) -> StyleInput:
    known = {"source", "weight", "level"}
    if not isinstance(value, Mapping) or not {"source"} <= value.keys() <= known:
        raise OptionError("A style of a row is a text, or an object of source, weight and level.")
    weight, level = value.get("weight"), value.get("level") or ""
    if weight is not None and not is_number(weight):
        raise OptionError("The weight of a row's style is a number.")
    return StyleInput(_text("style", value["source"]), weight, _text("level", level, least=0))


def _style_place(name: str, base: str) -> str:
    """A style's file, as the manifest names it; a style's name stays as it is."""
    is_file = "/" in name or os.path.splitext(name)[1].lower() in (*FORMATS, ".safetensors")
    return _placed(name, base) if is_file else name


def _placed(name: str, base: str) -> str:
    """A path that a manifest names, relative to its folder."""
    if is_remote(name) or os.path.isabs(name) or not base:
        return name
    return joined(base, name)


def _vector(value: Any) -> tuple[float, ...]:
    try:
        given = json.loads(value) if isinstance(value, str) and value.startswith("[") else value
    except (ValueError, RecursionError):
        given = None
    is_list = isinstance(given, list) and 0 < len(given) <= _LONGEST_VECTOR
    if not is_list or not all(map(is_number, given)):
        raise OptionError("The row's vector must be a list of numbers.")
    return tuple(map(float, given))


def _text(name: str, value: Any, *, least: int = 1) -> str:
    value = str(value) if name == "id" and not isinstance(value, str) else value
    if not isinstance(value, str) or not least <= len(value) <= _LONGEST_NAME or "\0" in value:
        raise OptionError(f"The row's {name} must be a text of at most {_LONGEST_NAME} letters.")
    return value

"""Requests as JSON, and requests read from the metadata of pictures.

Metadata is untrusted, so reading is strict: sizes are bounded, every entry is checked like those of
the command line, and nothing but the entries of a request can be set. Paths stay plain text until
the request is run, and those that lead out of the folder are not touched.
Neither torch nor a library for pictures is imported, so that a server reads requests cheaply.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from impasto.errors import OptionError
from impasto.jobs.requests import (
    REQUESTS,
    PaintRequest,
    ReconstructRequest,
    Request,
    StyleInput,
    StylizeRequest,
    TextureRequest,
    name_of_source,
    parse_styles,
)
from impasto.jobs.video_request import AnyRequest, Keyframe, VideoRequest
from impasto.recipes.recipe import Recipe, from_toml
from impasto.regions.specs import RegionSpec, parse_region
from impasto.runtime.fields import Entry, entries, is_number
from impasto.runtime.strangers_paths import is_file_here

_R = TypeVar("_R", bound=AnyRequest)

VERSION = 1
"""Of the form: newer ones are refused."""

KEY = "request"
"""Of a request in a picture's metadata."""

_LONGEST = 1 << 18  # characters: an honest request has a few thousand
_LONGEST_NAME = 4096
_MOST = 1000  # styles or regions
_MOST_PIXELS = 65536  # of a side, as in recipes
_OWN_ENTRIES = entries(StylizeRequest)

_WHOLE = {"strength", "feather", "precision"}
"""Entries of every one-pass request that was written as a whole."""

_OLD_ONE_PASS: Mapping[str, Any] = {"style_scale": 0.0}
"""Entries that one-pass requests did not always have, with what was done before they had them."""


def to_json(request: AnyRequest) -> str:
    """The request as JSON, with plain values only; a placeholder stands for pictures in memory."""
    described = {"version": VERSION, "kind": request.kind}
    for field in dataclasses.fields(request):
        described[field.name] = _plain(getattr(request, field.name))
    return json.dumps(described, ensure_ascii=False)


def from_json(text: str) -> Request:
    """The request for a picture that a text describes.

    Raises:
        OptionError: For anything but a request of this version, with every entry as it should be.
    """
    kind, described = _kind_and_entries(text, [*REQUESTS])
    return _request(REQUESTS[kind], described)


def any_from_json(text: str) -> AnyRequest:
    """The request that a text describes, for a picture or for a clip.

    Raises:
        OptionError: As :func:`from_json`.
    """
    kind, described = _kind_and_entries(text, [*REQUESTS, VideoRequest.kind])
    return _request(REQUESTS.get(kind, VideoRequest), described)


def _kind_and_entries(text: str, kinds: Sequence[str]) -> tuple[str, dict[str, Any]]:
    described = _mapping(_parsed(text), "request")
    version, kind = described.pop("version", None), described.pop("kind", None)
    if type(version) is not int or version != VERSION:
        raise OptionError(f"The request is of version {version!r}; this Impasto reads {VERSION}.")
    if not isinstance(kind, str) or kind not in kinds:
        raise OptionError(f"The request's kind is {kind!r}: it must be one of {list(kinds)}.")
    return kind, described


def _request(request: type[_R], described: Mapping[str, Any]) -> _R:
    """A request of a type, every entry of which is checked."""
    kind: str = request.kind
    allowed = {field.name for field in dataclasses.fields(request)}
    for name in described:
        if name not in allowed:
            raise OptionError(f"A {kind} request has no entry {name!r}.")
    readers = {**_READERS, **_OWN_READERS.get(request, {})}
    values = {name: readers[name](value, name) for name, value in described.items()}
    for field in dataclasses.fields(request):
        is_needed = field.default is field.default_factory is dataclasses.MISSING
        if is_needed and field.name not in values:
            raise OptionError(f"The {kind} request lacks the entry {field.name!r}.")
    if request is StylizeRequest and values.keys() >= _WHOLE:
        values = {**_OLD_ONE_PASS, **values}
    return request(**values)


def from_metadata(metadata: Mapping[str, str]) -> Request | None:
    """The request that made a picture, or None if its metadata hold none.

    Pictures of version 0.1.0 are understood, too.

    Raises:
        OptionError: For a request that cannot be used.
    """
    if KEY in metadata:
        return from_json(metadata[KEY])
    if "stylize" in metadata:
        return _old_stylize(metadata)
    if "recipe" not in metadata:
        return None
    recipe = from_toml(metadata["recipe"])
    recipe = recipe.replace(
        **{name: old for name, old in _OLD.items() if name not in metadata["recipe"]}
    )
    made_as = metadata.get("made as", "").split()
    if "reconstruction" in made_as:
        return ReconstructRequest(_name(metadata.get("content"), "content"), made_as[0], recipe)
    styles = _old_styles(metadata)
    if "texture" in made_as:
        from impasto.painting.texture import parse_size

        size = parse_size(metadata.get("canvas", ""))
        return TextureRequest(styles, size, recipe, "tileable" in made_as)
    return PaintRequest(
        _name(metadata.get("content"), "content"), styles, recipe, **_old_masks(metadata)
    )


# --- one reader an entry --------------------------------------------------------------------------


def _name(value: Any, entry: str) -> str:
    if not isinstance(value, str) or not value or len(value) > _LONGEST_NAME or "\0" in value:
        raise OptionError(f"The request's {entry} must be a name, not {_shown(value)}.")
    if not _can_be_a_name(value):
        raise OptionError(f"The request's {entry} is a name with broken characters.")
    return value


def _can_be_a_name(value: str) -> bool:
    """Whether a file can have the name; bytes that are not UTF-8 count, as Python escapes them."""
    try:
        return os.fsdecode(os.fsencode(value)) == value
    except UnicodeError:
        return False


def _optional_name(value: Any, entry: str) -> str | None:
    return None if value is None else _name(value, entry)


def _styles(value: Any, entry: str) -> tuple[StyleInput, ...]:
    return tuple(_style(item, entry) for item in _list(value, entry))


def _style(value: Any, entry: str) -> StyleInput:
    style = _mapping(value, entry, {"source", "weight", "level"})
    weight = style.get("weight")
    if weight is not None and not is_number(weight):
        raise OptionError(f"The weight of a style must be a number, not {_shown(weight)}.")
    level = style.get("level", "")
    if not isinstance(level, str):
        raise OptionError(f"The level of a style must be a word, not {_shown(level)}.")
    return StyleInput(_name(style.get("source"), entry), weight and float(weight), level)


def _regions(value: Any, entry: str) -> tuple[RegionSpec, ...]:
    return tuple(_region(item, entry) for item in _list(value, entry))


def _region(value: Any, entry: str) -> RegionSpec:
    names = {field.name for field in dataclasses.fields(RegionSpec)}
    region = _mapping(value, entry, names)
    keep = region.pop("keep", False)
    if not isinstance(keep, bool):
        raise OptionError(f"A region's keep must be true or false, not {_shown(keep)}.")
    values: dict[str, Any] = {"name": _name(region.pop("name", None), "region")}
    colour = region.pop("colour", "")
    if not isinstance(colour, str):
        raise OptionError(f"A region's colour must be a word, not {_shown(colour)}.")
    for name, path in region.items():
        values[name] = None if path is None else Path(_name(path, f"region's {name}"))
    if values.get("content_mask") is None:
        raise OptionError(f"The region {values['name']} has no mask.")
    return RegionSpec(keep=keep, colour=colour, **values)


def _recipe(value: Any, entry: str) -> Recipe:
    values = _mapping(value, entry)
    for name, text in values.items():
        if isinstance(text, str):
            _name(text, f"recipe's {name}")
    if values.keys() >= _SIZES:
        values = {**_OLD, **values}
    return Recipe().replace(**values)


_SIZES = {"scales", "smallest", "final_steps"}
"""Entries of every recipe that was written as a whole."""

_OLD: Mapping[str, Any] = {
    "scale_ratio": 2**0.5,
    "gamut": "srgb",
    "match_lightness": "linear",
    "paint_size": 0,
    "structure_weight": 0.0,
    "pattern_weight": 0.0,
}
"""Entries that recipes did not always have, with what was done before they had them."""


def _size(value: Any, entry: str) -> tuple[int, int]:
    sides = _list(value, entry)
    if len(sides) != 2 or not all(type(s) is int and 1 <= s <= _MOST_PIXELS for s in sides):
        raise OptionError(f"The request's size must be height and width, not {_shown(value)}.")
    return sides[0], sides[1]


def _flag(value: Any, entry: str) -> bool:
    if not isinstance(value, bool):
        raise OptionError(f"The request's {entry} must be true or false, not {_shown(value)}.")
    return value


def _entry(value: Any, entry: str) -> Any:
    if isinstance(value, str) and value:
        _name(value, entry)
    return _OWN_ENTRIES[entry].typed(value)


def _typed(own: Entry, value: Any, entry: str) -> Any:
    return own.typed(value)


def _picture(value: Any, entry: str) -> StylizeRequest:
    return _request(StylizeRequest, _mapping(value, entry))


def _keyframes(value: Any, entry: str) -> tuple[Keyframe, ...]:
    return tuple(_keyframe(item, entry) for item in _list(value, entry))


def _keyframe(value: Any, entry: str) -> Keyframe:
    keyframe = _mapping(value, entry, {"seconds", "styles", "strength"})
    seconds, strength = keyframe.get("seconds"), keyframe.get("strength")
    is_timed = seconds is not None and is_number(seconds)
    if not is_timed or not (strength is None or is_number(strength)):
        raise OptionError(f"A keyframe has a time and a strength, not {_shown(value)}.")
    return Keyframe(float(seconds or 0), _styles(keyframe.get("styles", []), entry), strength)


def _optional_recipe(value: Any, entry: str) -> Recipe | None:
    return None if value is None else _recipe(value, entry)


_READERS: Mapping[str, Callable[[Any, str], Any]] = {
    **dict.fromkeys(_OWN_ENTRIES, _entry),
    "content": _name,
    "source": _name,
    "styles": _styles,
    "recipe": _recipe,
    "tileable": _flag,
    "mask": _optional_name,
    "style_mask": _optional_name,
    "regions": _regions,
}
"""Entry of any request → what checks its value."""

_OWN_READERS: Mapping[type, Mapping[str, Callable[[Any, str], Any]]] = {
    TextureRequest: {"size": _size},
    VideoRequest: {
        **{name: partial(_typed, own) for name, own in entries(VideoRequest).items()},
        "picture": _picture,
        "keyframes": _keyframes,
        "recipe": _optional_recipe,
    },
}
"""Type of request → entries that it has for itself, or that mean something else in it."""


# --- parts ----------------------------------------------------------------------------------------


def _parsed(text: str) -> Any:
    if len(text) > _LONGEST:
        raise OptionError(f"The request has {len(text)} characters; at most {_LONGEST} are read.")
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise OptionError(f"The request is not valid JSON ({error}).") from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _mapping(value: Any, entry: str, allowed: set[str] | None = None) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise OptionError(f"The {entry} must be an object of entries, not {_shown(value)}.")
    unknown = [] if allowed is None else sorted(value.keys() - allowed)
    if unknown:
        raise OptionError(f"The request's {entry} have no entry {unknown[0]!r}.")
    return dict(value)


def _list(value: Any, entry: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > _MOST:
        raise OptionError(f"The request's {entry} must be a list of at most {_MOST}.")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, Recipe):
        return value.to_dict()
    if isinstance(value, StyleInput | RegionSpec | StylizeRequest | Keyframe):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int | float):  # of which bool is one
        return value
    return str(value) if isinstance(value, Path) else name_of_source(value)  # in memory


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"


# --- version 0.1.0 --------------------------------------------------------------------------------


def _old_styles(metadata: Mapping[str, str]) -> tuple[StyleInput, ...]:
    texts = _list(_parsed(metadata.get("style", "[]")), "style")
    return parse_styles([_name(text, "style") for text in texts], is_file=is_file_here)


def _old_masks(metadata: Mapping[str, str]) -> dict[str, Any]:
    texts = _list(_parsed(metadata.get("regions", "[]")), "regions")
    return {
        "mask": _optional_name(metadata.get("mask"), "mask"),
        "style_mask": _optional_name(metadata.get("style mask"), "style mask"),
        "regions": tuple(
            parse_region(_name(text, "region"), is_file=is_file_here) for text in texts
        ),
    }


def _old_stylize(metadata: Mapping[str, str]) -> StylizeRequest:
    options = _mapping(_parsed(metadata["stylize"]), "options")
    shares = _mapping(_parsed(metadata.get("style", "")), "style")
    styles = [{"source": name, "weight": share} for name, share in shares.items()]
    # What is not an entry of the request, such as where a style was saved, is ignored.
    values = {
        name: _entry(value, name)
        for name, value in options.items()
        if name in _OWN_ENTRIES and value != ""
    }
    masks = _old_masks(metadata)
    for name in ("mask", "style_mask"):
        masks[name] = _optional_name(options.get(name) or None, name)
    content = _name(metadata.get("content"), "content")
    values = {**_OLD_ONE_PASS, **values, **masks}
    return StylizeRequest(content, _styles(styles, "styles"), **values)

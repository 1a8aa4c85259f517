"""A request as the shell command that makes the same picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from impasto.jobs.closest_preset import closest_preset
from impasto.jobs.requests import (
    PaintRequest,
    ReconstructRequest,
    StyleInput,
    StylizeRequest,
    TextureRequest,
    name_of_source,
    region_text,
)
from impasto.jobs.video_request import COMMON, AnyRequest, Keyframe, VideoRequest
from impasto.recipes.presets import RECIPES
from impasto.recipes.recipe import Recipe
from impasto.regions.specs import REGION_COLOURS, RegionSpec
from impasto.runtime.command_text import quoted_words
from impasto.runtime.fields import entries

OF_CONTENT = (
    "size", "style_weight", "content_weight", "content_layers", "content_normalization",
    "strength", "colour", "colour_space", "colour_match", "mask_mode", "feather", "init", "noise",
)  # fmt: skip
"""Recipe entries that a texture does not use, or that its own size sets."""

OF_TWO_PICTURES = (
    "style_weight", "content_weight", "content_layers", "style_layers", "strength", "colour",
    "colour_space", "colour_match", "mask_mode", "feather", "init", "noise",
)  # fmt: skip
"""Recipe entries that a reconstruction does not use, or that its layers set."""

OF_FRAMES = (*COMMON, "size")
"""Recipe entries that the picture of a clip sets."""


def as_command(request: AnyRequest, output: str) -> str | None:
    """The command as one line, quoted for a shell of this platform; see :func:`command_words`."""
    quoted = command_words(request, output)
    return None if quoted is None else " ".join(quoted)


def command_words(request: AnyRequest, output: str) -> list[str] | None:
    """The words of the command, each quoted for a shell of this platform.

    Args:
        request: With the names of its files; they are quoted and cannot be taken for options.
        output: Name of the file to write.

    Returns:
        None if no command says the same: for a name that cannot be quoted, pictures in memory, or
        a region that is painted in the common styles and in matched colours or greys.
    """
    try:
        words = ["impasto", *_WORDS[type(request)](request), "-o", _file(output)]
    except _NoWordsError:
        return None
    return quoted_words(words)


class _NoWordsError(Exception):
    """The command line has no words for it."""


def _paint(request: PaintRequest) -> list[str]:
    words = ["paint", _file(request.content)]
    words += _styles(request.styles)
    return words + _regions(request) + _recipe(request.recipe, "default")


def _texture(request: TextureRequest) -> list[str]:
    height, width = request.size
    words = ["texture", *_styles(request.styles), "--size", f"{width}x{height}"]
    words += ["--tileable"] if request.tileable else []
    return words + _recipe(request.recipe, "texture", without=OF_CONTENT)


def _reconstruct(request: ReconstructRequest) -> list[str]:
    recipe = request.recipe
    layers = {
        "content": ["--layer", _text(recipe.content_layers)],
        "style": ["--style-layers", _text(recipe.style_layers)],
        "figure": ["--figure"],
    }[request.source]
    words = ["reconstruct", _file(request.content), *layers]
    return words + _recipe(recipe, "reconstruction", without=OF_TWO_PICTURES)


def _stylize(request: StylizeRequest) -> list[str]:
    words = ["stylize", _file(request.content)]
    if request.styles:
        words += ["--style", *_styles(request.styles)]
    return words + _regions(request) + _options(_changed(request))


def _video(request: VideoRequest) -> list[str]:
    picture, recipe = request.picture, request.recipe
    words = ["video", _file(picture.content)]
    if picture.styles:
        words += ["--style", *_styles(picture.styles)]
    for keyframe in request.keyframes:
        words += ["--at", _keyframe(keyframe)]
    words += _regions(picture)
    base: Mapping[str, Any] = {}
    if recipe is not None:
        preset, changes = closest_preset(recipe, "default", without=OF_FRAMES)
        words += ["--paint", *_preset(preset, "default"), *_options(changes)]
        base = {name: getattr(RECIPES[preset], name) for name in COMMON}
    words += _options(_changed(picture, base))
    times = {name: _number(getattr(request, name)) for name in ("start", "end")}
    own = {**_changed(request), **{name: text for name, text in times.items() if text != "0"}}
    return words + _options(own)


_WORDS: Mapping[type, Callable[[Any], list[str]]] = {
    PaintRequest: _paint,
    TextureRequest: _texture,
    ReconstructRequest: _reconstruct,
    StylizeRequest: _stylize,
    VideoRequest: _video,
}


def _changed(request: Any, base: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The entries of a request that differ from their defaults, or from those of a recipe."""
    base = base or {}
    values = {name: getattr(request, name) for name in entries(type(request))}
    defaults = {name: entry.default for name, entry in entries(type(request)).items()}
    return {n: value for n, value in values.items() if value != base.get(n, defaults[n])}


def _recipe(recipe: Recipe, usual: str, *, without: Iterable[str] = ()) -> list[str]:
    preset, changes = closest_preset(recipe, usual, without=tuple(without))
    return _preset(preset, usual) + _options(changes)


def _preset(name: str, usual: str) -> list[str]:
    return [] if name == usual else ["--recipe", name]


def _options(values: Mapping[str, Any]) -> list[str]:
    # With =, since a value may begin with a minus.
    return [f"--{name.replace('_', '-')}={_text(value)}" for name, value in values.items()]


def _styles(styles: tuple[StyleInput, ...]) -> list[str]:
    has_weights = len(styles) > 1 and any(style.weight is not None for style in styles)
    return [_style(style, has_weights) for style in styles]


def _style(style: StyleInput, has_weight: bool) -> str:
    """A style, with a weight if others have one: a style without counts as 1."""
    weight = f":{_number(style.weight or 1.0)}" if has_weight else ""
    name = _in_memory_refused(style.source)
    return f"{style.level}={name}{weight}" if style.level else f"{_file(name)}{weight}"


def _regions(request: PaintRequest | StylizeRequest) -> list[str]:
    masks = {name: getattr(request, name) for name in ("mask", "style_mask")}
    given = {name: _in_memory_refused(mask) for name, mask in masks.items() if mask is not None}
    recipe = request.recipe if isinstance(request, PaintRequest) else request
    texts = [_region(region, recipe.colour) for region in request.regions]
    return [*(f"--region={text}" for text in texts), *_options(given)]


def _region(region: RegionSpec, colour: str) -> str:
    for source in (region.content_mask, region.style_mask, region.style):
        if not isinstance(source, str | Path | None):
            raise _NoWordsError
    if region.keep:  # what else it says does not matter
        return region_text(dataclasses.replace(region, style=None, style_mask=None))
    if region.style is None and region.style_mask is None and not region.colour:
        if colour not in REGION_COLOURS:
            raise _NoWordsError
        region = dataclasses.replace(region, colour=colour)  # without, it would be kept
    return region_text(region)


def _keyframe(keyframe: Keyframe) -> str:
    styles = ",".join(_styles(keyframe.styles))
    strength = "" if keyframe.strength is None else f"@{_number(keyframe.strength)}"
    return f"{_number(keyframe.seconds)}={styles}{strength}"


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{name}={_number(weight)}" for name, weight in value.items())
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str | int):
        return str(value)
    raise _NoWordsError  # a function or an encoder of a program


def _number(value: float) -> str:
    """Every digit of a number, and no .0 behind a whole one."""
    text = repr(float(value))
    return text if "e" in text else text.removesuffix(".0")


def _file(source: object) -> str:
    name = _in_memory_refused(source)
    return f"./{name}" if name.startswith("-") else name


def _in_memory_refused(source: object) -> str:
    if not isinstance(source, str):
        raise _NoWordsError
    return name_of_source(source)

"""A request as the Python program that makes the same picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from impasto.jobs.as_command import OF_CONTENT, OF_FRAMES, OF_TWO_PICTURES
from impasto.jobs.closest_preset import closest_preset
from impasto.jobs.requests import (
    PaintRequest,
    ReconstructRequest,
    StyleInput,
    StylizeRequest,
    TextureRequest,
    name_of_source,
)
from impasto.jobs.video_request import COMMON, AnyRequest, Keyframe, VideoRequest
from impasto.recipes.presets import RECIPES
from impasto.recipes.recipe import Recipe
from impasto.regions.specs import RegionSpec
from impasto.runtime.fields import entries

_LONGEST_LINE = 88


def as_python(request: AnyRequest, output: str) -> str:
    """A program of a few lines, which calls Impasto's own functions.

    Args:
        request: Names of files are written as they are; a placeholder stands for pictures in
            memory.
        output: Name of the file to write.
    """
    call = _CALLS[type(request)](request, output)
    if isinstance(request, VideoRequest):
        return f"import impasto\n\n{call}\n"
    return f"import impasto\n\nresult = {call}\nresult.save({output!r})\n"


def _paint(request: PaintRequest, output: str) -> str:
    arguments = [_name(request.content), *_styles(request.styles, has_levels=True)]
    arguments += _recipe(request.recipe, "default") + _regions(request)
    return _call("impasto.paint", arguments)


def _texture(request: TextureRequest, output: str) -> str:
    height, width = request.size
    arguments = [*_styles(request.styles), f"size=({width}, {height})"]
    arguments += ["tileable=True"] if request.tileable else []
    arguments += _recipe(request.recipe, "texture", without=OF_CONTENT)
    return _call("impasto.texture", arguments)


def _reconstruct(request: ReconstructRequest, output: str) -> str:
    content, recipe = _name(request.content), request.recipe
    if request.source == "figure":
        preset, changes = closest_preset(recipe, "reconstruction", without=OF_TWO_PICTURES)
        how = f"impasto.get_recipe({preset!r})" + (
            "." + _call("replace", _keywords(changes)) if changes else ""
        )
        described = _call("impasto.ReconstructRequest", [content, "'figure'", how])
        return f"impasto.run(\n    {_indented(described)}\n).finish()"
    layers = recipe.content_layers if request.source == "content" else recipe.style_layers
    name = "layer" if request.source == "content" else "style_layers"
    arguments = [content, f"{name}={_value(layers)}"]
    arguments += _recipe(recipe, "reconstruction", without=OF_TWO_PICTURES)
    return _call("impasto.reconstruct", arguments)


def _stylize(request: StylizeRequest, output: str) -> str:
    arguments = [_name(request.content), *_styles(request.styles)]
    arguments += _keywords(_changed(request)) + _regions(request)
    return _call("impasto.stylize", arguments)


def _video(request: VideoRequest, output: str) -> str:
    picture, recipe = request.picture, request.recipe
    styles, *shares = _styles(picture.styles) or ["[]"]
    arguments = [_name(picture.content), styles, repr(output), *shares]
    base: Mapping[str, Any] = {}
    if recipe is not None:
        preset, changes = closest_preset(recipe, "default", without=OF_FRAMES)
        how = repr(preset)
        if changes:
            how = f"impasto.get_recipe({preset!r})." + _call("replace", _keywords(changes))
        arguments.append(f"recipe={how}")
        base = {name: getattr(RECIPES[preset], name) for name in COMMON}
    if request.keyframes:
        looks = {keyframe.seconds: _look(keyframe) for keyframe in request.keyframes}
        arguments.append(f"at={looks!r}")
    arguments += _keywords(_changed(picture, base)) + _keywords(_changed(request))
    return _call("impasto.stylize_video", arguments + _regions(picture))


_CALLS: Mapping[type, Callable[[Any, str], str]] = {
    PaintRequest: _paint,
    TextureRequest: _texture,
    ReconstructRequest: _reconstruct,
    StylizeRequest: _stylize,
    VideoRequest: _video,
}


def _call(function: str, arguments: Sequence[str]) -> str:
    """A call on one line, or with an argument a line if it is long."""
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= _LONGEST_LINE - len("result = ") and "\n" not in line:
        return line
    rows = "".join(f"    {_indented(argument)},\n" for argument in arguments)
    return f"{function}(\n{rows})"


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")


def _changed(request: Any, base: Mapping[str, Any] | None = None) -> dict[str, Any]:
    base = base or {}
    declared = entries(type(request))
    values = {name: getattr(request, name) for name in declared}
    return {n: v for n, v in values.items() if v != base.get(n, declared[n].default)}


def _recipe(recipe: Recipe, usual: str, *, without: Sequence[str] = ()) -> list[str]:
    preset, changes = closest_preset(recipe, usual, without=without)
    name = [] if preset == usual else [f"recipe={preset!r}"]
    return name + _keywords(changes)


def _keywords(values: Mapping[str, Any]) -> list[str]:
    return [f"{name}={_value(value)}" for name, value in values.items()]


def _value(value: Any) -> str:
    return repr(dict(value)) if isinstance(value, Mapping) else repr(value)


def _styles(styles: tuple[StyleInput, ...], *, has_levels: bool = False) -> list[str]:
    """The argument of styles, then those of their weights and levels."""
    if not styles:
        return []
    levels = [style.level for style in styles]
    if any(levels) and not has_levels:  # the function has no argument for them
        return ["[" + ", ".join(map(_style, styles)) + "]"]
    names = [_name(style.source) for style in styles]
    arguments = names if len(names) == 1 else [f"[{', '.join(names)}]"]
    if len(styles) > 1 and any(style.weight is not None for style in styles):
        shares = [1.0 if style.weight is None else style.weight for style in styles]
        arguments.append(f"shares={shares!r}")
    return arguments + ([f"levels={levels!r}"] if any(levels) else [])


def _style(style: StyleInput) -> str:
    return f"impasto.StyleInput({_name(style.source)}, {style.weight!r}, {style.level!r})"


def _regions(request: PaintRequest | StylizeRequest) -> list[str]:
    arguments = [
        f"{name}={_name(source)}"
        for name in ("mask", "style_mask")
        if (source := getattr(request, name)) is not None
    ]
    if request.regions:
        rows = "".join(f"    {_indented(_region(region))},\n" for region in request.regions)
        arguments.append(f"regions=[\n{rows}]")
    return arguments


def _region(region: RegionSpec) -> str:
    arguments = [repr(region.name), _name(region.content_mask)]
    sources = {name: getattr(region, name) for name in ("style_mask", "style")}
    arguments += [f"{name}={_name(source)}" for name, source in sources.items() if source]
    arguments += ["keep=True"] if region.keep else []
    arguments += [f"colour={region.colour!r}"] if region.colour else []
    return _call("impasto.RegionSpec", arguments)


def _look(keyframe: Keyframe) -> str:
    """What :func:`impasto.stylize_video` takes for a time."""
    strength = "" if keyframe.strength is None else f"@{keyframe.strength!r}"
    return ",".join(map(str, keyframe.styles)) + strength


def _name(source: object) -> str:
    return repr(name_of_source(source))

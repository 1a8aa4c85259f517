"""Requests with some of what they ask for changed, for ``impasto rerun``."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from impasto.errors import OptionError, option
from impasto.jobs.requests import ReconstructRequest, Request, StylizeRequest, TextureRequest
from impasto.jobs.video_request import AnyRequest, VideoRequest
from impasto.recipes.presets import get_recipe
from impasto.recipes.recipe import FIELDS
from impasto.runtime.fields import entries

_DECLARED = {*FIELDS, *entries(StylizeRequest), "size", "recipe"}
"""What is an entry of a recipe, or of a request of one pass."""


def changed(
    request: AnyRequest, changes: Mapping[str, Any], offered: Collection[str]
) -> AnyRequest:
    """A request with some entries changed, each checked as in a new request.

    Args:
        request: The request.
        changes: Name → value: entries of its recipe, ``recipe`` (a preset's name or a file, in
            which the entries are changed), ``size`` (the long side, or height and width of a
            texture), fields of the request, or ``figure``, the sheet of a reconstruction.
        offered: The entries that requests of this kind offer.

    Raises:
        OptionError: For a name that such a request does not have, or a value that is not allowed.
    """
    if isinstance(request, VideoRequest):
        return _changed_clip(request, changes, offered)
    return _changed_picture(request, changes, offered)


def _changed_clip(
    request: VideoRequest, changes: Mapping[str, Any], offered: Collection[str]
) -> VideoRequest:
    """A clip with frames that are painted in another way; new styles last all the time."""
    own = {*entries(StylizeRequest), *(f.name for f in dataclasses.fields(StylizeRequest))}
    of_recipe = {} if request.recipe is None else {n: v for n, v in changes.items() if n not in own}
    for name in changes:
        is_known = name in own or (name in of_recipe and name in _DECLARED)
        if not is_known or (name in _DECLARED and name not in offered):
            raise OptionError(f"{option(name)} cannot be changed in this clip: leave it out.")
    keyframes = request.keyframes
    if "styles" in changes:
        strengths = (k for k in keyframes if k.strength is not None)
        keyframes = tuple(dataclasses.replace(k, styles=()) for k in strengths)
    of_picture = {name: value for name, value in changes.items() if name in own}
    picture = _changed_picture(request.picture, of_picture, offered)
    assert isinstance(picture, StylizeRequest)
    recipe = request.recipe
    if recipe is not None:
        preset = of_recipe.pop("recipe", None)
        recipe = (recipe if preset is None else get_recipe(preset)).replace(**of_recipe)
    return dataclasses.replace(request, picture=picture, keyframes=keyframes, recipe=recipe)


def _changed_picture(
    request: Request, changes: Mapping[str, Any], offered: Collection[str]
) -> Request:
    fields = {field.name for field in dataclasses.fields(request)}
    if isinstance(request, ReconstructRequest):
        fields.add("figure")
    for name in changes:
        if name not in (offered if name in _DECLARED else fields):
            raise OptionError(
                f"The picture was made by {request.kind}, which has no {option(name)}: "
                "leave it out."
            )
    declared = {name: value for name, value in changes.items() if name in _DECLARED}
    others = {name: value for name, value in changes.items() if name not in _DECLARED}
    size = declared.pop("size", None)
    if isinstance(request, StylizeRequest):
        request = request.replace(**declared)
    else:
        recipe = request.recipe
        if "recipe" in declared:
            recipe = get_recipe(declared.pop("recipe")).replace(size=recipe.size)
        request = dataclasses.replace(request, recipe=recipe.replace(**declared))
    if isinstance(request, ReconstructRequest):
        others |= _source(declared)
    if others.pop("figure", False):
        others["source"] = "figure"
    if others:
        request = dataclasses.replace(request, **others)
    return request if size is None else _resized(request, size)


def _source(declared: Collection[str]) -> dict[str, str]:
    """What a picture is reconstructed from, if layers of one kind are given."""
    layers = [name for name in ("content_layers", "style_layers") if name in declared]
    if len(layers) > 1:
        raise OptionError(
            f"A picture is reconstructed from {option(layers[0])} or {option(layers[1])}: give one."
        )
    return {"source": layers[0].partition("_")[0]} if layers else {}


def _resized(request: Request, size: int | tuple[int, int]) -> Request:
    if isinstance(size, int):
        return request.resized(size)
    if not isinstance(request, TextureRequest):
        raise OptionError(f"{option('size')} is one number, the long side: 1024.")
    recipe = request.recipe.replace(size=max(size))
    return dataclasses.replace(request, size=size, recipe=recipe)

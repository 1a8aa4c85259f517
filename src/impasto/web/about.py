"""What the server tells of itself: styles, limits, the declared entries of requests."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from impasto import __version__
from impasto.jobs.requests import RECONSTRUCTIONS, StylizeRequest
from impasto.jobs.video_request import VideoRequest
from impasto.recipes.presets import RECIPES
from impasto.recipes.recipe import FIELDS
from impasto.runtime.fields import Entry, entries
from impasto.web.job_files import CLIPS
from impasto.web.posted import can_paint_clips, encoders_here
from impasto.web.samples import named_styles, painting_of, sample_pictures
from impasto.web.settings import Settings

STATIC = Path(__file__).with_name("static")


def about(settings: Settings) -> dict[str, Any]:
    """Everything that a page or a program needs to know before it sends a request."""
    limits = settings.limits
    return {
        "version": __version__,
        "limits": {**dataclasses.asdict(limits), "longest_side": limits.longest_side},
        "devices": settings.devices,
        "styles": [
            _style(name, model) for model, names in named_styles().items() for name in names
        ],
        "samples": sorted(sample_pictures()),
        "encoders": encoders_here(),
        "recipes": {name: recipe.to_dict() for name, recipe in RECIPES.items()},
        "reconstructions": list(RECONSTRUCTIONS),
        "clips": list(CLIPS) if can_paint_clips() else [],
        "entries": {
            "recipe": _described(FIELDS),
            "stylize": _described(entries(StylizeRequest)),
            "video": _described(entries(VideoRequest)),
        },
    }


def _style(name: str, model: str) -> dict[str, Any]:
    thumbnail = STATIC / "styles" / f"{name}.jpg"
    return {
        "name": name,
        "model": model,
        "thumbnail": f"/static/styles/{name}.jpg" if thumbnail.is_file() else "",
        "painting": painting_of(name),
    }


def _described(declared: Mapping[str, Entry]) -> dict[str, Any]:
    return {name: schema_of(entry) for name, entry in declared.items()}


def schema_of(entry: Entry) -> dict[str, Any]:
    """An entry as a JSON schema."""
    kinds = {int: "integer", float: "number", str: "string", bool: "boolean", dict: "object"}
    schema: dict[str, Any] = {"type": kinds[entry.kind], "description": entry.help}
    if entry.names is not None:
        schema["enum"] = list(entry.names)
    if entry.range is not None:
        schema["minimum"], schema["maximum"] = entry.range
    if entry.kind is dict:
        schema["additionalProperties"] = {"type": "number", "minimum": 0}
    schema["default"] = dict(entry.default) if entry.kind is dict else entry.default
    return schema

"""Impasto: neural style transfer.

A style is the distribution of a picture's features, a content is the features themselves; a picture
is repainted by moving its pixels until both match.

    import impasto

    impasto.paint("photo.jpg", "painting.jpg").save("out.png")

What is named here is the public interface. It is imported when it is first used, so that
``import impasto`` takes no time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from impasto.descent import Step, optimise
    from impasto.encoders import Architecture, Encoder
    from impasto.errors import ImpastoError
    from impasto.images import Picture
    from impasto.images import read as read_image
    from impasto.images import write as write_image
    from impasto.losses.statistics import STATISTICS, Statistic
    from impasto.models import open_encoder
    from impasto.objective import ContentTerm, Objective, StyleTerm, TotalVariation
    from impasto.painter import Painter
    from impasto.painting import Painting, paint
    from impasto.presets import RECIPES, get_recipe
    from impasto.recipes import Recipe
    from impasto.stylizing import Stylizer, stylize
    from impasto.synthesis import reconstruct, texture

__version__ = "0.1.0"

_HOMES = {
    "Architecture": "encoders",
    "ContentTerm": "objective",
    "Encoder": "encoders",
    "ImpastoError": "errors",
    "Objective": "objective",
    "Painter": "painter",
    "Painting": "painting",
    "Picture": "images",
    "RECIPES": "presets",
    "Recipe": "recipes",
    "STATISTICS": "losses.statistics",
    "Statistic": "losses.statistics",
    "Step": "descent",
    "StyleTerm": "objective",
    "Stylizer": "stylizing",
    "TotalVariation": "objective",
    "get_recipe": "presets",
    "open_encoder": "models",
    "optimise": "descent",
    "paint": "painting",
    "read_image": "images:read",
    "reconstruct": "synthesis",
    "stylize": "stylizing",
    "texture": "synthesis",
    "write_image": "images:write",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'impasto' has no attribute '{name}'")
    home, _, own_name = _HOMES[name].partition(":")
    value = getattr(importlib.import_module(f"impasto.{home}"), own_name or name)
    globals()[name] = value  # found directly from now on
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

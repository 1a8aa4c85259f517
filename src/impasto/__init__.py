"""Impasto: neural style transfer.

A style is the distribution of a picture's features; a content is the features themselves. A picture
is repainted by moving its pixels, or by training a network, until both match::

    import impasto

    impasto.paint("photo.jpg", "painting.jpg").save("out.png")

The packages are floors of one house. Each imports only from floors with a lower number::

    1   runtime: files, downloads, devices, precision, threads, memory, signals
    2   images: read, resize, write; nn: convolutions; losses: statistics; optim: optimizers
    3   colour: spaces and matching; encoders: VGG and others, features by layer name
    4   weights: published and built-in; regions: masks; objective: terms, whole or in tiles
    5   recipes: every number of a painting; networks: one pass, in files; enlargement: along edges
    6   painting: by optimization, coarse to fine; onepass: by a trained network
    7   jobs: requests, events, results; the entry point for all above
    8   metrics: of pictures; training: of networks; export: graphs; batch: many pictures
    9   studies: grids of recipes; evaluation: methods compared by metrics; video: clips
    10  reports: pages and plots; web: a page and a service; live: a camera; notebook: a widget
    11  cli: the command line

What is named here is the public interface. It is imported when it is first used, so that
``import impasto`` takes no time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from impasto.batch.api import paint_batch
    from impasto.encoders.vgg import Architecture, Encoder
    from impasto.errors import ImpastoError
    from impasto.evaluation.api import evaluate
    from impasto.export.folder import export_model
    from impasto.images.picture import Picture
    from impasto.images.picture import read as read_image
    from impasto.images.writing import write as write_image
    from impasto.jobs.api import paint, reconstruct, stylize, texture
    from impasto.jobs.requests import (
        PaintRequest,
        ReconstructRequest,
        StyleInput,
        StylizeRequest,
        TextureRequest,
    )
    from impasto.jobs.resources import Resources
    from impasto.jobs.results import Result
    from impasto.jobs.results import Result as Painting
    from impasto.jobs.run import RunOptions, run
    from impasto.jobs.video_request import VideoRequest
    from impasto.losses.statistics import STATISTICS, Statistic, register_statistic
    from impasto.metrics.registry import register_metric
    from impasto.networks.catalogue import named_styles, open_network
    from impasto.networks.registry import register_network
    from impasto.notebook.api import widget
    from impasto.objective.objective import Objective
    from impasto.objective.terms import ContentTerm, StyleTerm, TotalVariation
    from impasto.onepass.stylizer import Stylizer
    from impasto.optim.loop import Step, optimize
    from impasto.optim.loop import optimize as optimise
    from impasto.painting.painter import Painter
    from impasto.recipes.presets import RECIPES, get_recipe
    from impasto.recipes.recipe import Recipe
    from impasto.regions.specs import RegionSpec
    from impasto.video.api import stylize_video
    from impasto.weights.open import open_encoder, register_encoder

__version__ = "0.2.0.dev0"

_HOMES = {
    "Architecture": "encoders.vgg",
    "ContentTerm": "objective.terms",
    "Encoder": "encoders.vgg",
    "ImpastoError": "errors",
    "Objective": "objective.objective",
    "PaintRequest": "jobs.requests",
    "Painter": "painting.painter",
    "Painting": "jobs.results:Result",
    "Picture": "images.picture",
    "RECIPES": "recipes.presets",
    "Recipe": "recipes.recipe",
    "RegionSpec": "regions.specs",
    "ReconstructRequest": "jobs.requests",
    "Resources": "jobs.resources",
    "Result": "jobs.results",
    "RunOptions": "jobs.run",
    "STATISTICS": "losses.statistics",
    "Statistic": "losses.statistics",
    "Step": "optim.loop",
    "StyleInput": "jobs.requests",
    "StyleTerm": "objective.terms",
    "StylizeRequest": "jobs.requests",
    "Stylizer": "onepass.stylizer",
    "TextureRequest": "jobs.requests",
    "TotalVariation": "objective.terms",
    "VideoRequest": "jobs.video_request",
    "evaluate": "evaluation.api",
    "export_model": "export.folder",
    "get_recipe": "recipes.presets",
    "named_styles": "networks.catalogue",
    "open_encoder": "weights.open",
    "open_network": "networks.catalogue",
    "optimise": "optim.loop:optimize",
    "optimize": "optim.loop",
    "paint": "jobs.api",
    "paint_batch": "batch.api",
    "read_image": "images.picture:read",
    "reconstruct": "jobs.api",
    "register_encoder": "weights.open",
    "register_metric": "metrics.registry",
    "register_network": "networks.registry",
    "register_statistic": "losses.statistics",
    "run": "jobs.run",
    "stylize": "jobs.api",
    "stylize_video": "video.api",
    "texture": "jobs.api",
    "widget": "notebook.api",
    "write_image": "images.writing:write",
}

__all__ = [  # written out for type checkers
    "RECIPES",
    "STATISTICS",
    "Architecture",
    "ContentTerm",
    "Encoder",
    "ImpastoError",
    "Objective",
    "PaintRequest",
    "Painter",
    "Painting",
    "Picture",
    "Recipe",
    "ReconstructRequest",
    "RegionSpec",
    "Resources",
    "Result",
    "RunOptions",
    "Statistic",
    "Step",
    "StyleInput",
    "StyleTerm",
    "StylizeRequest",
    "Stylizer",
    "TextureRequest",
    "TotalVariation",
    "VideoRequest",
    "__version__",
    "evaluate",
    "export_model",
    "get_recipe",
    "named_styles",
    "open_encoder",
    "open_network",
    "optimise",
    "optimize",
    "paint",
    "paint_batch",
    "read_image",
    "reconstruct",
    "register_encoder",
    "register_metric",
    "register_network",
    "register_statistic",
    "run",
    "stylize",
    "stylize_video",
    "texture",
    "widget",
    "write_image",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'impasto' has no attribute '{name}'")
    home, _, own_name = _HOMES[name].partition(":")
    value = getattr(importlib.import_module(f"impasto.{home}"), own_name or name)
    globals()[name] = value  # found directly from now on
    return value


def __dir__() -> list[str]:
    return sorted(__all__)

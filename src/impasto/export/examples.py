"""What an exported model is calibrated and checked with: the samples, in styles of the model."""

from __future__ import annotations

import numpy as np
import torch

from impasto import images
from impasto.export.onnx import Inputs
from impasto.images.samples import PAIRS
from impasto.networks.colour_map import with_palette
from impasto.networks.model import OnePassModel
from impasto.onepass.stylist import Stylist

_SIDE = 250
"""Long side of the pictures in pixels: calibrated on it, and no multiple of a stride."""

_STYLES = 4
"""Styles with which each picture is painted."""


def example_inputs(model: OnePassModel) -> list[Inputs]:
    """Inputs of the painter by name: each sample photograph in some of the model's styles."""
    vectors = _styles(model)
    one = np.ones(1, np.float32)
    return [
        {"image": _picture(pair.content_path).numpy(), "styles": vector[None].numpy(),
         "weights": one}
        for pair in PAIRS.values()
        for vector in vectors
    ]  # fmt: skip


def example_pictures() -> list[Inputs]:
    """Inputs of the reader: the sample paintings."""
    return [{"picture": _picture(pair.style_path).numpy()} for pair in PAIRS.values()]


def _styles(model: OnePassModel) -> list[torch.Tensor]:
    if model.predictor is not None:
        stylist = Stylist(model, precision="float32")
        return [stylist.read_style(_picture(pair.style_path)) for pair in PAIRS.values()]
    if model.style_names:
        return [model.styles[name] for name in model.style_names[:_STYLES]]
    # A network without styles of its own: as it starts to learn one.
    start = model.network.initial_style
    start = torch.zeros(model.network.style_size) if start is None else start
    pictures = torch.cat([_picture(pair.style_path)[..., :120, :120] for pair in PAIRS.values()])
    start = start.expand(len(pictures), -1)
    return list(with_palette(start, pictures, model.network.palette_size))


def _picture(path: object) -> torch.Tensor:
    return images.read(str(path), long_side=_SIDE).tensor

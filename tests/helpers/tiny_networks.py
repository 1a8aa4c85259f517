"""One-pass models so small that tests paint and train with them in milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from helpers.random_inputs import random_encoder, smooth_picture
from impasto.encoders.vgg import Architecture, Encoder
from impasto.networks.adain import AdaINNetwork
from impasto.networks.base import StyledNetwork
from impasto.networks.colour_map import with_palette
from impasto.networks.johnson import JohnsonNetwork, JohnsonShape
from impasto.networks.model import OnePassModel
from impasto.networks.paint_network import PaintNetwork, PaintShape
from impasto.networks.recolour_network import RecolourNetwork
from impasto.networks.registry import network_kind
from impasto.networks.shapes import StrokeShape
from impasto.networks.stroke_network import StrokeNetwork
from impasto.networks.style_predictor import STYLE_LAYERS, StylePredictor
from impasto.training.settings import OnePassSettings

SHAPE = PaintShape(widths=(8, 8, 8), blocks=(1, 1, 1), detail=4, head=4)
STROKES = StrokeShape((8, 8, 8), (1, 1, 1, 1), detail=4, head=4, filters=2)
ENCODER = Architecture((4, 6, 8, 8, 8), (1, 1, 1, 1, 1), padding="reflect")
"""Architecture of the fixture ``encoder``."""

SETTINGS = OnePassSettings(
    crop=64,
    first_crop=64,
    content_layers={"relu4_1": 0.25},
    style_layers=dict.fromkeys(STYLE_LAYERS, 0.2),
    learning_rate=0.002,
    constant_rate=True,
    precision="float32",
)
"""Training settings in float32, for the same digits on all machines."""

NETWORKS: Mapping[str, Callable[[], StyledNetwork]] = {
    "paint": lambda: PaintNetwork(SHAPE),
    "paint-noise": lambda: PaintNetwork(replace(SHAPE, noise=2)),
    "strokes": lambda: StrokeNetwork(STROKES),
    "recolour": lambda: RecolourNetwork(SHAPE),
    "recolour-noise": lambda: RecolourNetwork(replace(SHAPE, noise=2)),
    "johnson": lambda: JohnsonNetwork(JohnsonShape((4, 6, 8), 1)),
    "johnson-batch": lambda: JohnsonNetwork(JohnsonShape((4, 6, 8), 1, "batch")),
    "adain": lambda: AdaINNetwork(random_encoder(ENCODER)),
}


def network(name: str) -> StyledNetwork:
    """One of ``NETWORKS``, frozen; the same weights at each call."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = NETWORKS[name]()
    if name == "johnson-batch":  # some moments of its own to keep
        with torch.no_grad():
            for seed in range(20):
                made(smooth_picture(32, 48, seed=seed), torch.zeros(1, made.style_size))
    return made.eval().requires_grad_(False)


def vectors(count: int, size: int, *, seed: int = 1) -> Tensor:
    """Style vectors (count, size), far enough from zero to be distinguishable."""
    random = torch.Generator().manual_seed(seed)
    return 0.3 * torch.randn(count, size, generator=random)


def predictor_for(network: StyledNetwork, encoder: Encoder) -> StylePredictor:
    """A frozen predictor whose vectors differ visibly from style to style."""
    channels = {name: encoder.channels(name) for name in STYLE_LAYERS}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        predictor = StylePredictor(
            channels, network.style_size, directions=3, hidden=8, palette=network.palette_size
        )
    predictor.last.weight.data *= 10
    return predictor.eval().requires_grad_(False)


def any_style(name: str, encoder: Encoder) -> OnePassModel:
    """A model for any style."""
    net = network(name)
    reader = network_kind(net.kind).style_reader
    return OnePassModel(net, predictor=reader(net) if reader else predictor_for(net, encoder))


def fixed_styles(name: str, *styles: str) -> OnePassModel:
    """A model of some styles."""
    net = network(name)
    rows = vectors(len(styles), net.style_size)
    return OnePassModel(net, styles=dict(zip(styles, rows, strict=True)))


def styles_with_palettes(net: StyledNetwork, count: int = 1) -> Tensor:
    """Vectors (count, style_size) of a network that measures the palettes of styles."""
    pictures = torch.cat([smooth_picture(32, 32, seed=70 + index) for index in range(count)])
    return with_palette(vectors(count, net.style_size), pictures, net.palette_size)


def painted_with_gradients(net: StyledNetwork, image: Tensor, style: Tensor) -> Tensor:
    """By the operations of training, without folded filters."""
    with torch.enable_grad():
        return net(image, style.clone().requires_grad_(True)).detach()

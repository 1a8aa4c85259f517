"""A trained network made larger, to be trained further.

More residual blocks (Chen et al. 2016, arXiv:1511.05641, Net2DeeperNet): the larger network paints
the same pictures at first. A residual block adds nothing if its last normalization has γ = 0 and
β = 0, so the style vectors alone make new blocks identities.

A recolouring network: it paints what the first one makes of the recoloured photograph.

Noise as a further input.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from impasto.errors import OptionError, option
from impasto.networks.model import OnePassModel
from impasto.networks.paint_network import PaintNetwork
from impasto.networks.recolour_network import RecolourNetwork
from impasto.networks.style_predictor import StylePredictor


@torch.no_grad()
def deepened_network(model: OnePassModel, blocks: tuple[int, int, int]) -> OnePassModel:
    """A copy of a model with more blocks, which paints the same pictures.

    Args:
        model: Of kind ``paint`` or ``recolour``.
        blocks: See :class:`impasto.networks.paint_network.PaintShape`; each at least as before.

    Raises:
        OptionError: If the model is of another kind or has more blocks.
    """
    old = model.network
    if not isinstance(old, PaintNetwork):
        raise OptionError(
            "Blocks are added to networks of kind paint and recolour only: leave "
            f"{option('blocks')} out."
        )
    if any(new < before for new, before in zip(blocks, old.shape.blocks, strict=True)):
        before = ",".join(map(str, old.shape.blocks))
        raise OptionError(
            f"The starting model has blocks {before}: {option('blocks')} can only add."
        )
    network = type(old)(dataclasses.replace(old.shape, blocks=blocks))
    network.load_state_dict(network.state_dict() | old.state_dict())
    extension = _VectorExtension(old, network)
    network.initial_style = extension.extend(torch.zeros(old.style_size))
    predictor = model.predictor
    if isinstance(predictor, StylePredictor):
        predictor = _extended_predictor(predictor, extension)
    styles = {name: extension.extend(vector) for name, vector in model.styles.items()}
    return OnePassModel(network, model.encoder, predictor, styles, dict(model.card))


class _VectorExtension:
    """Maps style vectors of a network to those of one with more blocks."""

    def __init__(self, old: PaintNetwork, new: PaintNetwork) -> None:
        starts, size = {}, 0
        for name, width in old.modulated.items():
            starts[name] = size
            size += 2 * width
        sources, constants = [], []
        for name, width in new.modulated.items():
            if name in starts:
                sources.append(torch.arange(starts[name], starts[name] + 2 * width))
                constants.append(torch.zeros(2 * width))
            else:
                sources.append(torch.full((2 * width,), old.style_size))  # a zero after the vector
                # Vectors hold γ − 1: the second map of a new block gets γ = 0.
                scale = -1.0 if name.endswith("b") else 0.0
                constants.append(torch.cat([torch.full((width,), scale), torch.zeros(width)]))
        sources.append(torch.arange(size, old.style_size))  # the palette
        constants.append(torch.zeros(old.style_size - size))
        self._sources, self._constants = torch.cat(sources), torch.cat(constants)

    def extend(self, vector: Tensor) -> Tensor:
        """(new size, …) of (old size, …), γ = β = 0 at the end of the new blocks."""
        return self.place(vector) + self._constants.view(-1, *[1] * (vector.ndim - 1))

    def place(self, rows: Tensor) -> Tensor:
        """(new size, …) of (old size, …), zero for the new blocks."""
        return torch.cat([rows, rows.new_zeros(1, *rows.shape[1:])])[self._sources]


@torch.no_grad()
def recolouring_network(model: OnePassModel) -> OnePassModel:
    """A copy of a model of any style whose network recolours the photograph first.

    Args:
        model: Of kind ``paint``, with a predictor, without named styles: those have no palettes.

    Raises:
        OptionError: If the model is another one.
    """
    old, predictor = model.network, model.predictor
    if type(old) is not PaintNetwork or not isinstance(predictor, StylePredictor) or model.styles:
        raise OptionError("A network of kind recolour starts from one of kind paint for any style.")
    network = RecolourNetwork(old.shape)
    network.load_state_dict(old.state_dict())
    larger = _predictor_like(predictor, network.style_size, network.palette_size)
    larger.load_state_dict(predictor.state_dict())
    return OnePassModel(network, model.encoder, larger, {}, dict(model.card))


@torch.no_grad()
def noisy_network(model: OnePassModel, maps: int) -> OnePassModel:
    """A copy of a model whose network sees noise: its pictures are noisier until it is trained.

    Without some weight noise is never used. A weight of Adam moves by a thousandth a step, and in
    the built-in network maps have deviations of about a hundred before they are normalized.

    Args:
        model: Of kind ``paint`` or ``recolour``, without noise.
        maps: See :class:`impasto.networks.paint_network.PaintShape`.

    Raises:
        OptionError: If the model is of another kind or has noise.
    """
    old = model.network
    if not isinstance(old, PaintNetwork) or old.shape.noise:
        raise OptionError(
            "Noise is added to networks of kind paint and recolour that have none: leave "
            f"{option('noise')} out."
        )
    network = type(old)(dataclasses.replace(old.shape, noise=maps))
    network.load_state_dict(network.state_dict() | old.state_dict())
    generator = torch.Generator().manual_seed(0)
    for name in ("eighth", "sixteenth"):
        size = old.convolution(name).weight.flatten(1).norm(dim=1) * _NOISE / maps**0.5
        weight = network.convolution(f"noise_{name}").weight
        weight.copy_(torch.randn(weight.shape, generator=generator) * size.view(-1, 1, 1, 1))
    return dataclasses.replace(model, network=network)


_NOISE = 8.0
"""Deviation of noise by the norm of a map's filters: .3 and .2 of the map's own (measured)."""


def _extended_predictor(predictor: StylePredictor, extension: _VectorExtension) -> StylePredictor:
    """The predictor of the longer vectors; its new outputs are at first equal for every style."""
    state = predictor.state_dict()
    measured = state["last.bias"].new_zeros(predictor.palette)  # takes the palette's place
    rows = torch.cat([state["last.weight"], measured[:, None].expand(-1, predictor.hidden)])
    bias = extension.extend(torch.cat([state["last.bias"], measured]))
    size = len(bias)
    state["last.weight"] = extension.place(rows)[: size - predictor.palette]
    state["last.bias"] = bias[: size - predictor.palette]
    larger = _predictor_like(predictor, size, predictor.palette)
    larger.load_state_dict(state)
    return larger


def _predictor_like(predictor: StylePredictor, outputs: int, palette: int) -> StylePredictor:
    """A new predictor of the same inputs and hidden layers."""
    return StylePredictor(
        predictor.channels,
        outputs,
        directions=predictor.directions,
        hidden=predictor.hidden,
        palette=palette,
    )

"""A trained network with more residual blocks that paints the same pictures at first.

Chen et al. 2016 (arXiv:1511.05641, Net2DeeperNet): a larger network can be trained from a smaller
one. A residual block adds nothing if its last normalization has γ = 0 and β = 0, so the style
vectors alone make new blocks identities.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from impasto.errors import OptionError, option
from impasto.networks.model import OnePassModel
from impasto.networks.paint_network import PaintNetwork
from impasto.networks.style_predictor import StylePredictor


@torch.no_grad()
def deepened_network(model: OnePassModel, blocks: tuple[int, int, int]) -> OnePassModel:
    """A copy of a model with more blocks, which paints the same pictures.

    Args:
        model: Of kind ``paint``.
        blocks: See :class:`impasto.networks.paint_network.PaintShape`; each at least as before.

    Raises:
        OptionError: If the model is of another kind or has more blocks.
    """
    old = model.network
    if not isinstance(old, PaintNetwork):
        raise OptionError(
            f"Blocks are added to networks of kind paint only: leave {option('blocks')} out."
        )
    if any(new < before for new, before in zip(blocks, old.shape.blocks, strict=True)):
        before = ",".join(map(str, old.shape.blocks))
        raise OptionError(
            f"The starting model has blocks {before}: {option('blocks')} can only add."
        )
    network = PaintNetwork(dataclasses.replace(old.shape, blocks=blocks))
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
                sources.append(torch.full((2 * width,), size))  # the zero after the old vector
                # Vectors hold γ − 1: the second map of a new block gets γ = 0.
                scale = -1.0 if name.endswith("b") else 0.0
                constants.append(torch.cat([torch.full((width,), scale), torch.zeros(width)]))
        self._sources, self._constants = torch.cat(sources), torch.cat(constants)

    def extend(self, vector: Tensor) -> Tensor:
        """(new size, …) of (old size, …), γ = β = 0 at the end of the new blocks."""
        return self.place(vector) + self._constants.view(-1, *[1] * (vector.ndim - 1))

    def place(self, rows: Tensor) -> Tensor:
        """(new size, …) of (old size, …), zero for the new blocks."""
        return torch.cat([rows, rows.new_zeros(1, *rows.shape[1:])])[self._sources]


def _extended_predictor(predictor: StylePredictor, extension: _VectorExtension) -> StylePredictor:
    """The predictor of the longer vectors; its new outputs are at first equal for every style."""
    state = predictor.state_dict()
    state["last.weight"] = extension.place(state["last.weight"])
    state["last.bias"] = extension.extend(state["last.bias"])
    larger = StylePredictor(
        predictor.channels,
        len(state["last.bias"]),
        directions=predictor.directions,
        hidden=predictor.hidden,
    )
    larger.load_state_dict(state)
    return larger

"""A trained network with more residual blocks that begins by painting just what it painted.

Chen et al. 2016 (arXiv:1511.05641, Net2DeeperNet): training a larger network need not begin again.
A residual block adds nothing where its last normalization scales and shifts to zero, so the style
vectors are what makes a new block an identity: γ = 0 and β = 0 for every style.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from impasto.errors import OptionError, option
from impasto.networks.files import OnePassModel
from impasto.networks.paint_network import PaintNetwork
from impasto.networks.style_predictor import StylePredictor


@torch.no_grad()
def deepened_network(model: OnePassModel, blocks: tuple[int, int, int]) -> OnePassModel:
    """A copy of a model with more blocks, which paints the same pictures.

    Args:
        model: Of kind ``paint``.
        blocks: See :class:`impasto.networks.paint_network.Shape`; of each as many as before or more.

    Raises:
        OptionError: If the model is of another kind or has more blocks than asked.
    """
    old = model.network
    if not isinstance(old, PaintNetwork):
        raise OptionError(
            f"Blocks are added to networks of kind paint only: leave {option('blocks')} out."
        )
    if any(wished < had for wished, had in zip(blocks, old.shape.blocks, strict=True)):
        had = ",".join(map(str, old.shape.blocks))
        raise OptionError(
            f"The model to begin with has blocks {had}: {option('blocks')} can only add."
        )
    network = PaintNetwork(dataclasses.replace(old.shape, blocks=blocks))
    network.load_state_dict(network.state_dict() | old.state_dict())
    vectors = _Vectors(old, network)
    network.first_style = vectors.extended(torch.zeros(old.style_size))
    predictor = model.predictor
    if isinstance(predictor, StylePredictor):
        predictor = _told_more(predictor, vectors)
    styles = {name: vectors.extended(vector) for name, vector in model.styles.items()}
    return OnePassModel(network, model.encoder, predictor, styles, dict(model.card))


class _Vectors:
    """How a style vector of one network is told to another with more blocks."""

    def __init__(self, old: PaintNetwork, new: PaintNetwork) -> None:
        starts, start = {}, 0
        for name, width in old.modulated.items():
            starts[name] = start
            start += 2 * width
        places, added = [], []
        for name, width in new.modulated.items():
            if name in starts:
                places.append(torch.arange(starts[name], starts[name] + 2 * width))
                added.append(torch.zeros(2 * width))
            else:
                places.append(torch.full((2 * width,), start))  # the zero behind the old vector
                # Vectors hold γ − 1: the second map of a new block is scaled by nothing.
                scale = -1.0 if name.endswith("b") else 0.0
                added.append(torch.cat([torch.full((width,), scale), torch.zeros(width)]))
        self._places, self._added = torch.cat(places), torch.cat(added)

    def extended(self, vector: Tensor) -> Tensor:
        """(new size, …) of (old size, …), γ = β = 0 at the end of the new blocks."""
        return self.placed(vector) + self._added.view(-1, *[1] * (vector.ndim - 1))

    def placed(self, rows: Tensor) -> Tensor:
        """(new size, …) of (old size, …), zero for the new blocks."""
        return torch.cat([rows, rows.new_zeros(1, *rows.shape[1:])])[self._places]


def _told_more(predictor: StylePredictor, vectors: _Vectors) -> StylePredictor:
    """The predictor with the new vectors' numbers, at first the same for every style."""
    state = predictor.state_dict()
    state["last.weight"] = vectors.placed(state["last.weight"])
    state["last.bias"] = vectors.extended(state["last.bias"])
    larger = StylePredictor(
        predictor.channels,
        len(state["last.bias"]),
        directions=predictor.directions,
        hidden=predictor.hidden,
    )
    larger.load_state_dict(state)
    return larger

"""The gradient of an objective tile by tile: exact, in the memory of one tile.

Every tiled term is a function of sums over positions. A first pass adds up the sums of all tiles
without gradients, which gives the derivative of the loss in each sum. A second pass computes each
tile again and back-propagates these derivatives through it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from impasto.encoders.protocol import FeatureExtractor
from impasto.errors import OptionError
from impasto.objective.objective import Objective
from impasto.objective.terms import Term, TiledTerm
from impasto.objective.tiles import Tile, accumulate


class TiledObjective:
    """An objective that is computed tile by tile.

    Args:
        objective: Its terms are :class:`impasto.objective.terms.TiledTerm` s, or read only the
            image (such as total variation) and are computed on the whole picture.
        encoder: The objective's encoder.
        tiles: Of a picture of the size to be optimized (see :mod:`impasto.objective.tiles`).

    Attributes:
        layers: The layers requested from the encoder.

    Raises:
        OptionError: For a term that reads features and cannot be tiled.
    """

    def __init__(
        self, objective: Objective, encoder: FeatureExtractor, tiles: Sequence[Tile]
    ) -> None:
        self._objective, self._encoder, self._tiles = objective, encoder, tuple(tiles)
        self._terms: list[TiledTerm] = []
        self._picture_terms: list[Term] = []
        for term in objective.terms:
            if set(term.layers) <= {"image"}:
                self._picture_terms.append(term)
            elif isinstance(term, TiledTerm):
                term.check_tiles()
                self._terms.append(term)
            else:
                raise OptionError(
                    f"The term {term!r} cannot be computed in tiles: give it the methods of "
                    "impasto.objective.terms.TiledTerm."
                )
        self.layers = objective.layers
        self._strides = {"image": 1, **{name: encoder.stride(name) for name in self.layers}}

    def plus(self, term: Term) -> TiledObjective:
        """The same objective with one more term."""
        return TiledObjective(self._objective.plus(term), self._encoder, self._tiles)

    def gradient(self, image: Tensor) -> tuple[dict[str, float], Tensor]:
        """Every weighted loss by name, and the gradient of their sum in the pixels."""
        image = image.detach()
        totals = self._total_sums(image)
        losses, derivatives = self._derivatives(totals)
        gradient = torch.zeros_like(image)
        for tile in self._tiles:
            leaf = tile.cut(image).clone().requires_grad_(True)
            with torch.enable_grad():
                sums = self._sums(leaf, tile)
            outputs = [(name, value) for name, value in sums.items() if name in derivatives]
            if not outputs:
                continue  # the tile has no part in any painted region
            (part,) = torch.autograd.grad(
                [value for _, value in outputs], leaf, [derivatives[name] for name, _ in outputs]
            )
            tile.cut(gradient).add_(part)
        for term in self._picture_terms:  # one by one: each holds a gradient of the whole picture
            picture_losses, part = Objective([term], self._encoder).gradient(image)
            accumulate(losses, picture_losses)
            gradient += part
        return losses, gradient

    def _total_sums(self, image: Tensor) -> dict[str, Tensor]:
        totals: dict[str, Tensor] = {}
        with torch.no_grad():
            for tile in self._tiles:
                accumulate(totals, self._sums(tile.cut(image), tile))
        return totals

    def _sums(self, image: Tensor, tile: Tile) -> dict[str, Tensor]:
        """``TERM:SUM`` → what the tile adds."""
        features = {"image": image, **self._encoder(image, self.layers)}
        return {
            f"{index}:{name}": value
            for index, term in enumerate(self._terms)
            for name, value in term.sums(features, tile, self._strides).items()
        }

    def _derivatives(
        self, totals: Mapping[str, Tensor]
    ) -> tuple[dict[str, float], dict[str, Tensor]]:
        """Every loss, and the derivative of their total in every sum."""
        leaves = {name: value.detach().requires_grad_(True) for name, value in totals.items()}
        losses: dict[str, Tensor] = {}
        with torch.enable_grad():
            for index, term in enumerate(self._terms):
                prefix = f"{index}:"
                sums = {
                    name.removeprefix(prefix): leaf
                    for name, leaf in leaves.items()
                    if name.startswith(prefix)
                }
                accumulate(losses, term.losses(sums))
            total = torch.stack(list(losses.values())).sum()
        slopes = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
        derivatives = {n: g for n, g in zip(leaves, slopes, strict=True) if g is not None}
        return {name: float(value.detach()) for name, value in losses.items()}, derivatives

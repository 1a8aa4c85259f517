"""An objective's gradient tile by tile, in the memory of one tile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from impasto.encoders.vgg import Encoder
from impasto.errors import OptionError
from impasto.objective.objective import Objective
from impasto.objective.terms import ContentTerm as ContentTerm
from impasto.objective.terms import EncoderLike as EncoderLike
from impasto.objective.terms import Features as Features
from impasto.objective.terms import LaplacianTerm as LaplacianTerm
from impasto.objective.terms import StyleTerm as StyleTerm
from impasto.objective.terms import SummaryTerm, TiledTerm
from impasto.objective.terms import Term as Term
from impasto.objective.terms import TotalVariation as TotalVariation
from impasto.objective.tiles import Tile, add_up


class TiledObjective:
    """The gradient of an objective in the memory of one tile.

    Args:
        objective: Of terms that are sums over positions; those that look at the picture alone
            (total variation) are asked whole, since they need no more memory than pictures.
        encoder: The objective's.
        tiles: Of a picture of the size that will be asked (see :mod:`impasto.objective.tiles`).

    Raises:
        OptionError: For a term that cannot be asked tile by tile.
    """

    def __init__(self, objective: Objective, encoder: Encoder, tiles: Sequence[Tile]) -> None:
        self._encoder, self._tiles = encoder, tuple(tiles)
        self._terms: list[TiledTerm] = []
        self._picture_terms: list[Term] = []
        for term in objective.terms:
            if set(term.layers) <= {"image"}:
                self._picture_terms.append(term)
            elif isinstance(term, (ContentTerm, SummaryTerm)):
                term.check_tiles()
                self._terms.append(term)
            else:
                raise OptionError(f"The term {term!r} cannot be asked tile by tile.")
        self.layers = objective.layers
        self._strides = {name: encoder.stride(name) for name in self.layers}

    def gradient(self, image: Tensor) -> tuple[dict[str, float], Tensor]:
        """The value of every term, and the gradient of their sum in the pixels."""
        image = image.detach()
        totals = self._totals(image)
        losses, slopes = self._slopes(totals)
        gradient = torch.zeros_like(image)
        for tile in self._tiles:
            leaf = tile.cut(image).clone().requires_grad_(True)
            with torch.enable_grad():
                sums = self._sums(leaf, tile)
            outputs = [(name, value) for name, value in sums.items() if name in slopes]
            if not outputs:
                continue  # no region that is painted lies in this tile
            (part,) = torch.autograd.grad(
                [value for _, value in outputs], leaf, [slopes[name] for name, _ in outputs]
            )
            tile.cut(gradient).add_(part)
        if self._picture_terms:
            own, part = Objective(self._picture_terms, self._encoder).gradient(image)
            losses.update(own)
            gradient += part
        return losses, gradient

    def _totals(self, image: Tensor) -> dict[str, Tensor]:
        totals: dict[str, Tensor] = {}
        with torch.no_grad():
            for tile in self._tiles:
                add_up(totals, self._sums(tile.cut(image), tile))
        return totals

    def _sums(self, picture: Tensor, tile: Tile) -> dict[str, Tensor]:
        """``TERM:SUM`` → what the tile adds."""
        features = self._encoder(picture, self.layers)
        return {
            f"{index}:{name}": value
            for index, term in enumerate(self._terms)
            for name, value in term.sums(features, tile, self._strides).items()
        }

    def _slopes(self, totals: Mapping[str, Tensor]) -> tuple[dict[str, float], dict[str, Tensor]]:
        """Every loss, and the slope of their sum in every sum."""
        leaves = {name: value.detach().requires_grad_(True) for name, value in totals.items()}
        losses: dict[str, Tensor] = {}
        with torch.enable_grad():
            for index, term in enumerate(self._terms):
                prefix = f"{index}:"
                own = {n.removeprefix(prefix): v for n, v in leaves.items() if n.startswith(prefix)}
                add_up(losses, term.losses(own))
            total = torch.stack(list(losses.values())).sum()
        slopes = torch.autograd.grad(total, list(leaves.values()), allow_unused=True)
        found = {n: g for n, g in zip(leaves, slopes, strict=True) if g is not None}
        return {name: float(value.detach()) for name, value in losses.items()}, found

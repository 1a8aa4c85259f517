"""The objective: a sum of terms, and its gradient in the pixels, whole or tile by tile.

Tile by tile it is exact. Every term is a function of sums over positions; a first pass adds the
sums up without gradients, after which the slope of the loss in every sum is known; a second pass
takes each tile again and back-propagates that slope through it alone. Memory is the tile's.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from impasto.errors import OptionError
from impasto.losses.moments import without_autocast
from impasto.objective.terms import ContentTerm as ContentTerm
from impasto.objective.terms import EncoderLike as EncoderLike
from impasto.objective.terms import Features as Features
from impasto.objective.terms import LaplacianTerm as LaplacianTerm
from impasto.objective.terms import StyleTerm as StyleTerm
from impasto.objective.terms import Term as Term
from impasto.objective.terms import TotalVariation as TotalVariation
from impasto.objective.tiles import add_up


class Objective:
    """A sum of terms: ``objective(image)`` gives every weighted term by name.

    Args:
        terms: What is wished; at least one.
        encoder: Gives the features that the terms look at, from one pass for all of them.

    Raises:
        OptionError: If there is no term.
    """

    def __init__(self, terms: Iterable[Term], encoder: EncoderLike) -> None:
        self.terms = tuple(terms)
        self._encoder = encoder
        if not self.terms:
            raise OptionError("An objective needs at least one term.")
        # A dict keeps the order and drops what two terms share.
        names = dict.fromkeys(name for term in self.terms for name in term.layers)
        self.layers = tuple(name for name in names if name != "image")

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """Every weighted term of a picture (B, 3, H, W): name → scalar. Their sum is the loss."""
        features: dict[str, Tensor] = {"image": image}
        if self.layers:
            features.update(self._encoder(image, self.layers))
        losses: dict[str, Tensor] = {}
        with without_autocast(image):  # of the encoder's speed, not of sums and differences
            for term in self.terms:
                add_up(losses, term(features))
        return losses

    @torch.enable_grad()
    def gradient(self, image: Tensor) -> tuple[dict[str, float], Tensor]:
        """The value of every term, and the gradient of their sum in the pixels."""
        leaf = image.detach().requires_grad_(True)
        losses = self(leaf)
        total = torch.stack(list(losses.values())).sum()
        (gradient,) = torch.autograd.grad(total, leaf)
        return {name: float(value.detach()) for name, value in losses.items()}, gradient

"""The objective: a sum of loss terms, and its gradient in the pixels.

Gatys et al. 2015 (arXiv:1508.06576) in full, with pictures as tensors (1, 3, H, W) in [0, 1]::

    encoder = impasto.open_encoder("compact")
    content = ContentTerm(encoder(photo, ["relu4_1"]))
    style = StyleTerm(encoder(painting, ["relu1_1", "relu2_1", "relu3_1"]), weight=10.0)
    for step in impasto.optimize(Objective([content, style], encoder), photo, steps=100):
        print(step.losses)
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from impasto.encoders.protocol import EncoderLike
from impasto.errors import OptionError
from impasto.losses.moments import without_autocast
from impasto.objective.terms import Term
from impasto.objective.tiles import accumulate


class Objective:
    """A sum of terms: ``objective(image)`` gives every weighted loss by name.

    Args:
        terms: At least one.
        encoder: Computes the features of all terms in one forward pass.

    Attributes:
        terms: As given.
        layers: The layers requested from the encoder.

    Raises:
        OptionError: If there is no term.
    """

    def __init__(self, terms: Iterable[Term], encoder: EncoderLike) -> None:
        self.terms = tuple(terms)
        self._encoder = encoder
        if not self.terms:
            raise OptionError("An objective needs at least one term.")
        # A dict keeps the order and drops duplicates.
        names = dict.fromkeys(name for term in self.terms for name in term.layers)
        self.layers = tuple(name for name in names if name != "image")

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """Name → weighted loss (scalar) of a picture (B, 3, H, W). Their sum is the total loss."""
        features: dict[str, Tensor] = {"image": image}
        if self.layers:
            features.update(self._encoder(image, self.layers))
        losses: dict[str, Tensor] = {}
        with without_autocast(image):  # autocast is for the encoder, not for sums and differences
            for term in self.terms:
                accumulate(losses, term(features))
        return losses

    def plus(self, term: Term) -> Objective:
        """The same objective with one more term."""
        return Objective((*self.terms, term), self._encoder)

    @torch.enable_grad()
    def gradient(self, image: Tensor) -> tuple[dict[str, float], Tensor]:
        """Every weighted loss by name, and the gradient of their sum in the pixels."""
        leaf = image.detach().requires_grad_(True)
        losses = self(leaf)
        total = torch.stack(list(losses.values())).sum()
        (gradient,) = torch.autograd.grad(total, leaf)
        return {name: float(value.detach()) for name, value in losses.items()}, gradient

"""The term that keeps a photograph's forms."""

from __future__ import annotations

from torch import Tensor

from impasto.losses.structure import forms, structure_loss
from impasto.objective.terms import Features


class StructureTerm:
    """The photograph's forms, such as eyes, mouths and letters, in any tones.

    The loss is averaged over the sizes of :data:`impasto.losses.structure.SIDES`, which are
    relative to the picture: small strokes are free.

    Args:
        content: (1, 3, H, W), the photograph at the picture's size.
        weight: Of the term.
    """

    layers = ("image",)

    def __init__(self, content: Tensor, weight: float = 1.0) -> None:
        self._targets = forms(content.detach())
        self._weight = weight / max(1, len(self._targets))

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``structure`` → weighted loss."""
        image = features["image"]
        losses = [structure_loss(image, target).mean() for target in self._targets]
        return {"structure": self._weight * sum(losses, image.new_zeros(()))}

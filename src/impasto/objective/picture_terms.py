"""Terms that compare a picture with another: a photograph's forms, an earlier painting."""

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


class TemporalTerm:
    """The painting before, moved along the optical flow, where it holds (Ruder et al. 2016).

    Equation 7 of arXiv:1604.08610: the mean over all values of the trust times the squared
    difference.

    Args:
        moved: (1, 3, H, W) in [0, 1], the painting before at the places of this frame.
        trust: (1, 1, H, W): 1 where a point of the frame was seen before, 0 where it was not.
        weight: Of the term.
    """

    layers = ("image",)

    def __init__(self, moved: Tensor, trust: Tensor, weight: float = 1.0) -> None:
        self._moved, self._trust, self._weight = moved.detach(), trust.detach(), weight

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``temporal`` → weighted loss."""
        square = (features["image"] - self._moved).square()
        return {"temporal": self._weight * (self._trust * square).mean()}

"""Terms of a picture beside another: a photograph's forms and even places, an earlier painting."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from impasto.losses.regular_patterns import (
    CELL,
    regular_patterns,
    regular_patterns_and_gradient,
    uniformity,
)
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


class PatternTerm:
    """No grids, dots or weaves of up to five pixels where the photograph is uniform.

    The loss is the mean over cells of :func:`impasto.losses.regular_patterns.regular_patterns`. It
    is computed, with its gradient, for some cells at a time, since spectra take many times the
    memory of the picture. Only cells that count are looked at.

    Args:
        content: (1, 3, H, W) in [0, 1], the photograph at the picture's size.
        weight: Of the term.
    """

    layers = ("image",)

    def __init__(self, content: Tensor, weight: float = 1.0) -> None:
        self._places: list[tuple[int, int]] = []
        if min(content.shape[-2:]) >= CELL:
            found = uniformity(content.detach(), step=_STEP)
            self._weight = weight / found.numel()
            chosen = found[0] > _LEAST
            self._places = [(row, column) for row, column in chosen.nonzero().tolist()]
            self._uniformity = found[0][chosen]

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``pattern`` → weighted loss; 0 for a picture smaller than a cell."""
        image = features["image"]
        if not self._places:
            return {"pattern": 0 * image.sum()}  # with a gradient, as any term
        total: Tensor = _PatternSum.apply(  # type: ignore[no-untyped-call]
            image, self._uniformity, self._places
        )
        return {"pattern": self._weight * total}


_STEP = 24
"""From cell to cell: at 16 the term takes twice as long, at 32 patterns gather at the corners."""

_LEAST = 0.01
"""Uniformity below which a cell is left out."""

_CELLS = 128
"""Whose spectra are held at once."""


class _PatternSum(torch.autograd.Function):
    """:func:`regular_patterns` of some cells and its gradient, a few cells at a time."""

    @staticmethod
    def forward(
        context: Any, image: Tensor, uniform: Tensor, places: list[tuple[int, int]]
    ) -> Tensor:
        gradient = torch.zeros_like(image) if context.needs_input_grad[0] else None
        slopes_of = None if gradient is None else _all_cells(gradient)
        total, all_cells = image.new_zeros(()), _all_cells(image)
        for first in range(0, len(places), _CELLS):
            part, weights = places[first : first + _CELLS], uniform[first : first + _CELLS]
            cells = torch.stack([all_cells[place] for place in part])
            if slopes_of is None:
                total += regular_patterns(cells, weights)
                continue
            loss, slopes = regular_patterns_and_gradient(cells, weights)
            total += loss
            for place, slope in zip(part, slopes, strict=True):
                slopes_of[place].add_(slope)
        if gradient is not None:
            context.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(context: Any, *above: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = context.saved_tensors
        return above[0] * gradient, None, None


def _all_cells(picture: Tensor) -> Tensor:
    """Views of the cells of a picture (1, 3, H, W): (rows, columns, 3, CELL, CELL)."""
    return picture[0].unfold(-2, CELL, _STEP).unfold(-2, CELL, _STEP).movedim(0, 2)


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

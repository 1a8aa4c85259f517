"""Terms of a picture beside another: a photograph's forms and even places, an earlier painting."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from impasto.losses.regular_patterns import CELL, STEP, regular_patterns, uniformity
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
    is computed, with its gradient, for some rows of cells at a time: a spectrum takes many times
    the memory of the picture.

    Args:
        content: (1, 3, H, W) in [0, 1], the photograph at the picture's size.
        weight: Of the term.
    """

    layers = ("image",)

    def __init__(self, content: Tensor, weight: float = 1.0) -> None:
        self._uniformity: Tensor | None = None
        if min(content.shape[-2:]) >= CELL:
            self._uniformity = uniformity(content.detach())
            self._weight = weight / self._uniformity.numel()

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``pattern`` → weighted loss; 0 for a picture smaller than a cell."""
        image = features["image"]
        if self._uniformity is None:
            return {"pattern": image.new_zeros(())}
        total: Tensor = _PatternSum.apply(image, self._uniformity)  # type: ignore[no-untyped-call]
        return {"pattern": self._weight * total}


_STRIP_PIXELS = 2**17
"""Pixels whose spectra are held at once."""


class _PatternSum(torch.autograd.Function):
    """:func:`regular_patterns` and its gradient, for a few rows of cells at a time."""

    @staticmethod
    def forward(context: Any, image: Tensor, uniform: Tensor) -> Tensor:
        needs_gradient = context.needs_input_grad[0]
        gradient = torch.zeros_like(image) if needs_gradient else None
        total = image.new_zeros(())
        count = max(1, _STRIP_PIXELS // (STEP * image.shape[-1]))
        for first in range(0, uniform.shape[1], count):
            cells = uniform[:, first : first + count]
            rows = slice(first * STEP, (first + cells.shape[1] - 1) * STEP + CELL)
            with torch.enable_grad():
                part = image[..., rows, :].detach().requires_grad_(needs_gradient)
                loss = regular_patterns(part, cells)
            total += loss.detach()
            if gradient is not None:
                gradient[..., rows, :] += torch.autograd.grad(loss, part)[0]
        if gradient is not None:
            context.save_for_backward(gradient)
        return total

    @staticmethod
    def backward(context: Any, *above: Tensor) -> tuple[Tensor, None]:
        (gradient,) = context.saved_tensors
        return above[0] * gradient, None


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

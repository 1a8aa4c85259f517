"""Adam on the pixels, with the average of its iterates as the picture."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.optim.constraints import BOX, Constraint
from impasto.optim.interface import Gradient, Losses


class Adam:
    """Adam on the pixels (Kingma & Ba 2015).

    Args:
        gradient: Of the objective.
        image: Where to start.
        learning_rate: In pixel values of [0, 1]; about how far a pixel moves in one step.
        average: Decay of the exponential moving average of the iterates, bias-corrected; 0 for
            none. The average is free of the jitter of single steps.
        constraint: Which pictures are allowed, a convex set; all in [0, 1] by default.
    """

    def __init__(
        self,
        gradient: Gradient,
        image: Tensor,
        *,
        learning_rate: float = 0.02,
        average: float = 0.0,
        constraint: Constraint = BOX,
    ) -> None:
        self._gradient = gradient
        self._constraint = constraint
        self._pixels = constraint.project(image.detach()).clone(
            memory_format=torch.contiguous_format
        )
        self._adam = torch.optim.Adam([self._pixels], lr=learning_rate, betas=(0.9, 0.99))
        self._decay = average
        self._weighted_sum = torch.zeros_like(self._pixels)
        self._total_weight = 0.0

    def step(self) -> Losses:
        """One step of Adam; the losses are those of the picture before it."""
        losses, self._pixels.grad = self._gradient(self._pixels)
        self._adam.step()
        self._pixels.copy_(self._constraint.project(self._pixels))
        if self._decay:
            self._weighted_sum.lerp_(self._pixels, 1 - self._decay)
            self._total_weight = 1 - self._decay * (1 - self._total_weight)
        return losses

    @property
    def image(self) -> Tensor:
        """The average of the iterates if there is one, else the last iterate."""
        if not self._total_weight:
            return self._pixels
        # Rounding can make the average of ones slightly larger than one.
        return (self._weighted_sum / self._total_weight).clamp_(0, 1)

    @property
    def pixels(self) -> Tensor:
        """The last iterate."""
        return self._pixels

    @property
    def converged(self) -> bool:
        """Always false: Adam oscillates around the optimum."""
        return False

    def restart(self, pixels: Tensor) -> None:
        """Continue from ``pixels`` with half the learning rate, no moments and a new average."""
        self._pixels.copy_(pixels)
        for group in self._adam.param_groups:
            group["lr"] /= 2
        self._adam.state.clear()
        self._weighted_sum.zero_()
        self._total_weight = 0.0

    def transfer_moments(self, other: Adam) -> None:
        """Copy the moments, resized, to an optimizer of another size of the same picture.

        The step count is copied too (Crowson's practice): otherwise the bias correction would make
        the first steps at each size as large as the very first.
        """
        state = self._adam.state.get(self._pixels)
        if not state:
            return
        size = other._pixels.shape[-2:]
        other._adam.state[other._pixels] = {
            "step": state["step"].clone(),
            # Bilinear: it does not overshoot, and a second moment must not be negative.
            **{
                k: F.interpolate(state[k], size, mode="bilinear") for k in ("exp_avg", "exp_avg_sq")
            },
        }

    def state_dict(self) -> dict[str, Any]:
        """Pixels, moments, average."""
        return {
            "pixels": self._pixels,
            "adam": self._adam.state_dict(),
            "sum": self._weighted_sum,
            "mass": self._total_weight,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        self._pixels.copy_(state["pixels"])
        self._adam.load_state_dict(state["adam"])
        self._weighted_sum.copy_(state["sum"])
        self._total_weight = float(state["mass"])

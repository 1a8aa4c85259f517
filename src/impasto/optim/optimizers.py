"""Two ways to move a picture downhill, behind one small interface.

Both keep the picture inside [0, 1], can be put to sleep and woken (``state_dict``), and never see
more of the objective than its value and its gradient.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import unknown_name
from impasto.optim.lbfgs import LBFGS as LBFGS
from impasto.optim.lbfgs import Gradient as Gradient
from impasto.optim.lbfgs import Losses as Losses
from impasto.optim.lbfgs import history
from impasto.optim.preconditioner import Preconditioner


class Optimizer(Protocol):
    """Something that improves a picture step by step."""

    def step(self) -> Losses:
        """Improve the picture; the losses found on the way, of the best picture evaluated."""
        ...

    @property
    def image(self) -> Tensor:
        """The picture as it stands, (1, 3, H, W) in [0, 1]; not to be written to."""
        ...

    @property
    def pixels(self) -> Tensor:
        """Where the next step starts from, (1, 3, H, W); not to be written to."""
        ...

    @property
    def converged(self) -> bool:
        """Whether further steps would change nothing."""
        ...

    def restart(self, pixels: Tensor) -> None:
        """Go on from ``pixels`` with half the step, without what led to a bad step."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """All that the next step depends on."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Be as when ``state`` was taken."""
        ...


class Adam:
    """Adam on the pixels (Kingma & Ba 2015), with the average of its iterates as the picture.

    Args:
        gradient: Of the objective.
        image: Where to start.
        learning_rate: In pixel values of [0, 1]; about how far a pixel moves in one step.
        average: Decay of the exponential moving average of the iterates, bias-corrected; 0 for
            none. The average is free of the jitter of single steps.
    """

    def __init__(
        self,
        gradient: Gradient,
        image: Tensor,
        *,
        learning_rate: float = 0.02,
        average: float = 0.0,
    ) -> None:
        self._gradient = gradient
        self._pixels = image.detach().clone(memory_format=torch.contiguous_format).clamp_(0, 1)
        self._adam = torch.optim.Adam([self._pixels], lr=learning_rate, betas=(0.9, 0.99))
        self._decay = average
        self._sum = torch.zeros_like(self._pixels)
        self._mass = 0.0

    def step(self) -> Losses:
        """One step of Adam; the losses are those of the picture before it."""
        losses, self._pixels.grad = self._gradient(self._pixels)
        self._adam.step()
        self._pixels.clamp_(0, 1)
        if self._decay:
            self._sum.lerp_(self._pixels, 1 - self._decay)
            self._mass = 1 - self._decay * (1 - self._mass)
        return losses

    @property
    def image(self) -> Tensor:
        """The average of the iterates if there is one, else the last."""
        # Rounding can leave the average of ones a little above one.
        return (self._sum / self._mass).clamp_(0, 1) if self._mass else self._pixels

    @property
    def pixels(self) -> Tensor:
        """The last iterate."""
        return self._pixels

    @property
    def converged(self) -> bool:
        """Never: Adam circles its goal."""
        return False

    def restart(self, pixels: Tensor) -> None:
        """Go on from ``pixels`` with half the learning rate, no moments and a new average."""
        self._pixels.copy_(pixels)
        for group in self._adam.param_groups:
            group["lr"] /= 2
        self._adam.state.clear()
        self._sum.zero_()
        self._mass = 0.0

    def carry_to(self, other: Adam) -> None:
        """Hand the moments to an optimizer of another size of the same picture.

        The step count goes with them (Crowson's practice): otherwise the bias correction of a new
        start would make the first steps at each size as wild as the very first.
        """
        state = self._adam.state.get(self._pixels)
        if not state:
            return
        size = other._pixels.shape[-2:]
        other._adam.state[other._pixels] = {
            "step": state["step"].clone(),
            # Bilinear: it does not overshoot, and a second moment may not be negative.
            **{
                k: F.interpolate(state[k], size, mode="bilinear") for k in ("exp_avg", "exp_avg_sq")
            },
        }

    def state_dict(self) -> dict[str, Any]:
        """Pixels, moments, average."""
        return {
            "pixels": self._pixels,
            "adam": self._adam.state_dict(),
            "sum": self._sum,
            "mass": self._mass,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Be as when ``state`` was taken."""
        self._pixels.copy_(state["pixels"])
        self._adam.load_state_dict(state["adam"])
        self._sum.copy_(state["sum"])
        self._mass = float(state["mass"])


OPTIMIZERS = ("lbfgs", "adam")


def make_optimizer(
    name: str,
    gradient: Gradient,
    image: Tensor,
    *,
    learning_rate: float,
    average: float,
    preconditioning: float = 0.0,
    preconditioner: type[Preconditioner] = Preconditioner,
) -> Optimizer:
    """The optimizer of that name.

    Args:
        name: One of ``OPTIMIZERS``.
        gradient: Of the objective.
        image: Where to start.
        learning_rate: Of Adam, in pixel values; L-BFGS finds its own.
        average: Decay of Adam's average of iterates.
        preconditioning: Power of L-BFGS's preconditioner, see :mod:`impasto.optim.preconditioner`.
        preconditioner: Its kind.

    Raises:
        OptionError: For another name.
    """
    if name == "adam":
        return Adam(gradient, image, learning_rate=learning_rate, average=average)
    if name == "lbfgs":
        height, width = image.shape[-2:]
        smooth = preconditioner((height, width), preconditioning)
        return LBFGS(gradient, image, history=history(height * width), preconditioner=smooth)
    raise unknown_name("optimizer", name, OPTIMIZERS)

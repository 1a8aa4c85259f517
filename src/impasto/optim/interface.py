"""What every optimizer offers, and what it needs of an objective."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor

Losses = dict[str, float]
"""Term → weighted loss."""

Gradient = Callable[[Tensor], tuple[Losses, Tensor]]
"""Picture (1, 3, H, W) → the loss of every term, and the gradient of their sum."""


class Optimizer(Protocol):
    """Improves a picture step by step and keeps it inside [0, 1]."""

    def step(self) -> Losses:
        """Improve the picture; the losses are those of the last picture evaluated and accepted."""
        ...

    @property
    def image(self) -> Tensor:
        """The current picture, (1, 3, H, W) in [0, 1]; read-only."""
        ...

    @property
    def pixels(self) -> Tensor:
        """Where the next step starts from, (1, 3, H, W); read-only."""
        ...

    @property
    def converged(self) -> bool:
        """Whether further steps would change nothing."""
        ...

    def restart(self, pixels: Tensor) -> None:
        """Continue from ``pixels`` with half the step size and without the history."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what :meth:`state_dict` returned."""
        ...


def all_finite(x: Tensor) -> bool:
    """Whether all numbers are finite; checking their sum takes a fifth of the time."""
    return math.isfinite(float(x.sum()))

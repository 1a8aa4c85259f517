"""The pictures that an optimizer may choose from, as a projection onto them."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Constraint(Protocol):
    """A set of pictures within [0, 1]."""

    def project(self, pixels: Tensor) -> Tensor:
        """The picture of the set that stands for any pixels (1, 3, H, W); itself if it is in it."""
        ...

    def pull_back(
        self, pixels: Tensor, outside: Tensor, gradient: Tensor, penalty: float
    ) -> Tensor:
        """The gradient in ``pixels`` of f(project(x)) + ½ · ``penalty`` · ‖x − project(x)‖².

        Args:
            pixels: x, (1, 3, H, W).
            outside: x − project(x); may be overwritten.
            gradient: Of f, at project(x); may be overwritten.
            penalty: Its weight.
        """
        ...


class Box:
    """All pictures within [0, 1]: pixels are clipped."""

    def project(self, pixels: Tensor) -> Tensor:
        """The clipped picture."""
        return pixels.clamp(0, 1)

    def pull_back(
        self, pixels: Tensor, outside: Tensor, gradient: Tensor, penalty: float
    ) -> Tensor:
        """See :class:`Constraint`."""
        is_inside = outside == 0
        return torch.where(is_inside, gradient, outside.mul_(penalty), out=gradient)


BOX = Box()

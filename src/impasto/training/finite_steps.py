"""Steps whose losses or gradients are not finite: they change nothing, and are counted."""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.errors import ImpastoError, option

MOST_IN_A_ROW = 20
"""Such steps after which a training ends: it would go on without learning anything."""

UNIFORM = 1e-6
"""Variance of the pixels of a photograph below which it is blank."""


class FiniteSteps:
    """Counts the steps of a training that are skipped.

    Attributes:
        skipped: Number of those that were, in this process.
    """

    def __init__(self) -> None:
        self.skipped = 0
        self._in_a_row = 0

    def accepts(self, *values: Tensor) -> bool:
        """Whether all values of a step are finite; otherwise it is counted.

        Raises:
            ImpastoError: After too many in a row.
        """
        if all(bool(value.isfinite().all()) for value in values):
            self._in_a_row = 0
            return True
        self.skipped += 1
        self._in_a_row += 1
        if self._in_a_row >= MOST_IN_A_ROW:
            raise ImpastoError(
                f"The last {MOST_IN_A_ROW} steps gave numbers that are not finite, and changed "
                f"nothing: start again with a lower {option('learning_rate')} or other pictures."
            )
        return False


def without_blank_gradients(painted: Tensor, contents: Tensor) -> Tensor:
    """The pictures that a network painted; those of blank photographs give no gradient.

    Every normalization divides by a deviation, of a blank photograph next to zero at every layer:
    the gradient would grow beyond all numbers.

    Args:
        painted: (B, 3, H, W).
        contents: Photographs (B, 3, H, W).
    """
    if not painted.requires_grad:
        return painted
    is_blank = contents.float().var((2, 3)).amax(1) < UNIFORM
    painted.register_hook(  # type: ignore[no-untyped-call]
        lambda gradient: torch.where(is_blank[:, None, None, None], 0.0, gradient)
    )
    return painted

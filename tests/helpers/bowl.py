"""Small objectives whose optimum is known."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

TARGET = 0.8


class Bowl:
    """Weighted squared distance from a grey, multiplied by a factor that a test chooses.

    Args:
        factor: (picture, number of the evaluation, from 1) → factor on the loss.
    """

    def __init__(self, factor: Callable[[Tensor, int], float] = lambda image, call: 1.0) -> None:
        self._factor = factor
        self.calls = 0

    def gradient(self, image: Tensor) -> tuple[dict[str, float], Tensor]:
        self.calls += 1
        factor = self._factor(image, self.calls)
        error = image - TARGET
        weights = torch.logspace(-1.5, 0.5, error.numel()).view(error.shape) / error.numel()
        loss = factor * float((weights * error.square()).sum())
        return {"bowl": loss}, factor * 2 * weights * error


def start() -> Tensor:
    """A dark picture to start from, (1, 3, 6, 8)."""
    return 0.2 + 0.2 * torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(0))


def distance(image: Tensor) -> float:
    """Mean squared distance from the optimum."""
    return float((image - TARGET).square().mean())

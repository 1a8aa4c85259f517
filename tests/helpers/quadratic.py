"""A quadratic objective whose optimum is known."""

from __future__ import annotations

import torch
from torch import Tensor

SHAPE = (1, 3, 6, 7)
SIZE = 3 * 6 * 7


class Quadratic:
    """½ (x − t)ᵀ H (x − t) in float64; it keeps every picture that was evaluated."""

    def __init__(self, spread: float, *, factor: float = 1.0, seed: int = 0) -> None:
        random = torch.Generator().manual_seed(seed)
        root = torch.randn(SIZE, SIZE, generator=random, dtype=torch.float64)
        self.matrix = root @ root.T / SIZE + 0.3 * torch.eye(SIZE, dtype=torch.float64)
        self.target = 0.5 + spread * torch.randn(SIZE, generator=random, dtype=torch.float64)
        self.factor = factor
        self.evaluated: list[Tensor] = []

    def value(self, flat: Tensor) -> tuple[float, Tensor]:
        slope = self.matrix @ (flat - self.target)
        return 0.5 * float((flat - self.target) @ slope), slope

    def loss(self, image: Tensor) -> float:
        return self.value(image.flatten().double())[0]

    def gradient(self, image: Tensor) -> tuple[dict[str, float], Tensor]:
        self.evaluated.append(image.detach().clone())
        value, slope = self.value(image.flatten().double())
        gradient = (self.factor * slope).view(image.shape).to(image.dtype)
        # The memory layout of an encoder's gradient.
        gradient = gradient.to(memory_format=torch.channels_last)
        return {"half": 0.5 * self.factor * value, "rest": 0.5 * self.factor * value}, gradient


def random_start(seed: int = 5) -> Tensor:
    """A random picture of ``SHAPE``."""
    return torch.rand(SHAPE, generator=torch.Generator().manual_seed(seed))


def noise() -> Tensor:
    """A random picture of 32 pixels."""
    return torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(9))

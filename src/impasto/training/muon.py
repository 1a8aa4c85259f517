"""Muon: momentum with orthogonalized updates (Jordan et al. 2024).

Features after a ReLU are strongly correlated, so distillation is a regression whose directions have
very different energy. Gradient descent learns the strong ones and hardly the weak. An orthogonal
update moves all directions alike. PyTorch's own Muon takes matrices only; here a convolution's
weight is the matrix (channels out, channels in · height · width).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class Muon(torch.optim.Optimizer):
    """Orthogonalized Nesterov momentum for convolution weights.

    Args:
        parameters: Weights of two or more dimensions, channels out first.
        lr: Size of an update relative to the natural spectral norm of a weight.
        momentum: Share of the old direction that is kept.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], lr: float, *, momentum: float = 0.95
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                momentum = state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                direction = parameter.grad.lerp(momentum, group["momentum"])
                matrix = orthogonal(direction.flatten(1))
                # A weight with more outputs than inputs is larger by the root of their ratio.
                ratio = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
                parameter.add_(matrix.view(parameter.shape), alpha=-group["lr"] * ratio)


def orthogonal(matrix: Tensor, *, iterations: int = 5) -> Tensor:
    """Approximately the nearest matrix with all singular values one: five Newton–Schulz steps.

    The coefficients of the quintic are Jordan's: they bring singular values quickly into
    [0.7, 1.2], not exactly to one, which training does not need.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-12)
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    result: Tensor = x.T if tall else x
    return result

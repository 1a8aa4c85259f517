"""Weights of learned metrics, made up in the form in which they are published."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from impasto.weights.records import WEIGHTS

LEARNED = ("vgg16", "lpips-vgg16", "alexnet", "lpips-alexnet", "art-inception")


def random_state(net: nn.Module) -> dict[str, Tensor]:
    """The weights of a net of ours, drawn so that deep layers still differ between pictures."""
    random = torch.Generator().manual_seed(1)
    for name, value in net.state_dict().items():
        if value.ndim == 4:
            value.normal_(std=(2 / value[0].numel()) ** 0.5, generator=random)
        elif "var" not in name and "weight" not in name:
            value.normal_(std=0.05, generator=random)
    return net.state_dict()


def published_linear(name: str) -> dict[str, Tensor]:
    """The linear weights of LPIPS."""
    random = torch.Generator().manual_seed(2)
    return {
        f"lin{i}.model.1.weight": torch.rand(1, width, 1, 1, generator=random)
        for i, width in enumerate(WEIGHTS[name].widths)
    }

"""The optimizers of a training: Muon for what is a matrix, Adam for the rest."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import nn

from impasto.training.muon import Muon


def matrix_optimizers(
    parameters: Collection[nn.Parameter], matrices: Collection[nn.Parameter],
    *, matrix_rate: float, rate: float,
) -> list[torch.optim.Optimizer]:  # fmt: skip
    """Muon for ``matrices``, Adam (β = 0.9 and 0.99) for the other ``parameters``.

    Args:
        parameters: All that is trained.
        matrices: Those of them for Muon, of two or more dimensions: weights of convolutions.
        matrix_rate: Peak learning rate of Muon.
        rate: Peak learning rate of Adam.

    Returns:
        The optimizers; the groups have their rates as ``peak`` and begin with them.
    """
    chosen = {id(parameter) for parameter in matrices}
    optimizers: list[torch.optim.Optimizer] = []
    if chosen:
        optimizers.append(Muon(matrices, matrix_rate))
    others = [parameter for parameter in parameters if id(parameter) not in chosen]
    if others:
        optimizers.append(torch.optim.Adam(others, rate, betas=(0.9, 0.99)))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


def set_rates(optimizers: Collection[torch.optim.Optimizer], share: float) -> None:
    """Give each group ``share`` of its peak learning rate."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = share * group["peak"]

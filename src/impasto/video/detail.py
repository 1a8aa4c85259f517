"""Fine detail of a held picture, kept as strong as that of a fresh one.

A picture that is moved by parts of a pixel and averaged over time loses its finest detail. Here it
is made stronger again, until it has the energy of the frame's own painting.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_MOST = 1.5
"""Largest factor at a time: what has lost more is not detail any longer."""

_LEAST_ENERGY = 1e-8


def with_detail_of(held: Tensor, fresh: Tensor, weight: Tensor) -> Tensor:
    """A picture whose finest detail is as strong as that of another, on the whole.

    Args:
        held: (1, 3, H, W).
        fresh: Has the detail wanted, of the same shape.
        weight: Where the detail is compared and changed, (1, 1, H, W) in [0, 1].

    Returns:
        ``held`` with its detail times a factor of 2/3 to 3/2.
    """
    detail = finest_detail(held)
    energy = (detail.square() * weight).sum()
    wanted = (finest_detail(fresh).square() * weight).sum()
    factor = ((wanted + _LEAST_ENERGY) / (energy + _LEAST_ENERGY)).sqrt().clamp(1 / _MOST, _MOST)
    return torch.addcmul(held, detail, weight * (factor - 1))


def finest_detail(picture: Tensor) -> Tensor:
    """A picture less its blur by 1 2 1 each way, (B, C, H, W)."""
    x = F.pad(picture, (1, 1, 1, 1), mode="replicate")
    x = x[..., :-1, :] + x[..., 1:, :]
    x = x[..., :-1, :] + x[..., 1:, :]
    x = x[..., :-1] + x[..., 1:]
    x = x[..., :-1] + x[..., 1:]
    return picture - x / 16

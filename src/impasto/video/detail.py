"""Fine detail of a held picture, kept as strong as that of a fresh one.

A picture that is moved by parts of a pixel and averaged over time loses its finest detail. Here it
is made as strong again as that of the frame's own painting.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_MOST = 0.6
"""Largest share of its detail that a picture is given at a time: more is not detail any longer."""

_LEAST_ENERGY = 1e-8


def with_detail_of(held: Tensor, fresh: Tensor, weight: Tensor) -> Tensor:
    """A picture whose finest detail is as strong as that of another, on the whole.

    Args:
        held: (1, 3, H, W).
        fresh: Has the detail wanted, of the same shape.
        weight: Where the detail is compared and changed, (1, 1, H, W) in [0, 1].

    Returns:
        ``held`` and a share of its detail, less than 0 if it has more than ``fresh``.
    """
    detail = finest_detail(held)
    wanted = (finest_detail(fresh).square() * weight).sum()
    # The energy of (detail + share · further) is a quadratic function of the share.
    further = finest_detail(detail)
    square = (further.square() * weight).sum() + _LEAST_ENERGY
    half = (detail * further * weight).sum()
    missing = wanted - (detail.square() * weight).sum()
    share = ((half.square() + square * missing).clamp_min(0).sqrt() - half) / square
    return torch.addcmul(held, detail, weight * share.clamp(-_MOST, _MOST))


def finest_detail(picture: Tensor) -> Tensor:
    """A picture less its blur by 1 2 1 each way, (B, C, H, W)."""
    x = F.pad(picture, (1, 1, 1, 1), mode="replicate")
    x = x[..., :-1, :] + x[..., 1:, :]
    x = x[..., :-1, :] + x[..., 1:, :]
    x = x[..., :-1] + x[..., 1:]
    x = x[..., :-1] + x[..., 1:]
    return picture - x / 16

"""Detail of a held picture, kept as strong as that of a fresh one.

A picture that is moved by parts of a pixel and averaged over time loses detail: the finest most,
but also strokes. Here each octave is made as strong again as that of the frame's own painting.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_MOST = 0.6
"""Largest share of its detail that a picture is given at a time: more is not detail any longer."""

_OCTAVES = 3
"""Octaves of detail: of 2, 4 and 8 pixels, about."""

_LEAST_SIDE = 8

_LEAST_ENERGY = 1e-8


def with_detail_of(held: Tensor, fresh: Tensor, weight: Tensor, octaves: int = _OCTAVES) -> Tensor:
    """A picture whose detail is as strong as that of another, on the whole.

    Args:
        held: (1, 3, H, W).
        fresh: Has the detail wanted, of the same shape.
        weight: Where the detail is compared and changed, (1, 1, H, W) in [0, 1].
        octaves: Of detail, the finest first.

    Returns:
        ``held`` and of each octave a share of its detail, below 0 if it has more than ``fresh``.
    """
    if octaves > 1 and min(held.shape[-2:]) >= 2 * _LEAST_SIDE:
        small = [F.avg_pool2d(x, 2, ceil_mode=True) for x in (held, fresh, weight)]
        change = with_detail_of(small[0], small[1], small[2], octaves - 1) - small[0]
        size = (held.shape[-2], held.shape[-1])
        held = held + F.interpolate(change, size, mode="bilinear")
    return _with_finest_of(held, fresh, weight)


def _with_finest_of(held: Tensor, fresh: Tensor, weight: Tensor) -> Tensor:
    """The same for the finest octave."""
    detail = finest_detail(held)
    wanted = (finest_detail(fresh).square_() * weight).sum()
    # The energy of (detail + share · further) is a quadratic function of the share.
    further = finest_detail(detail)
    weighted = detail * weight
    missing = wanted - torch.dot(weighted.flatten(), detail.flatten())
    half = torch.dot(weighted.flatten(), further.flatten())
    square = (further.square_() * weight).sum() + _LEAST_ENERGY
    share = ((half.square() + square * missing).clamp_min(0).sqrt() - half) / square
    return torch.addcmul(held, weighted, share.clamp(-_MOST, _MOST))


def finest_detail(picture: Tensor) -> Tensor:
    """A picture less its blur by 1 2 1 each way, (B, C, H, W)."""
    x = F.pad(picture, (1, 1, 1, 1), mode="replicate")
    x = x[..., :-1, :] + x[..., 1:, :]
    x = x[..., :-1, :] + x[..., 1:, :]
    x = x[..., :-1] + x[..., 1:]
    x = x[..., :-1] + x[..., 1:]
    return picture - x / 16

"""What networks with maps at a quarter, an eighth and a sixteenth of the picture's size share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def sum_into(x: Tensor, out: Tensor) -> Tensor:
    """``x + out``, written into ``out`` where gradients are disabled."""
    return x + out if torch.is_grad_enabled() else out.add_(x)


def enlarged(x: Tensor) -> Tensor:
    """Twice as high and wide, aligned with the convolution of stride two that reduced it.

    Such a convolution is centred on every second unit, starting with the first. Bilinear resizing
    usually assumes a centre between two units: at 16 px a unit that is off by 6 px, and contours
    double.
    """
    height, width = (2 * length - 1 for length in x.shape[-2:])
    x = F.interpolate(x, (height, width), mode="bilinear", align_corners=True)
    return F.pad(x, (0, 1, 0, 1), mode="replicate")


def smoothly_enlarged(x: Tensor) -> Tensor:
    """As :func:`enlarged`, by a kernel of nearly the same weight at every place.

    It is a cubic B-spline, nearly: bilinear enlargement, then weights of 1 2 1. A unit's noise has
    0.77 to 0.71 of its own deviation then along each axis, where bilinear enlargement has 1 to
    0.71 and shows the lattice.
    """
    x = F.pad(enlarged(x), (1, 1, 1, 1), mode="replicate")
    return F.avg_pool2d(F.avg_pool2d(x, 2, 1), 2, 1)


def held_values(widths: Sequence[int]) -> float:
    """See :class:`impasto.networks.base.StyledNetwork`: no picture, two maps of each block.

    Measured.

    Args:
        widths: Channels at a quarter, an eighth and a sixteenth.
    """
    quarter, eighth, sixteenth = (
        width / stride**2 for width, stride in zip(widths, (4, 8, 16), strict=True)
    )
    return quarter + max(quarter, 2 * eighth, eighth + 2 * sixteenth)

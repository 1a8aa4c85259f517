"""The Laplacian of a picture at several scales.

Li, Xu, Nie & Chua 2017, "Laplacian-Steered Neural Style Transfer", arXiv:1707.01253.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.losses.content import squared_error
from impasto.losses.moments import at_least_float32

POOL_SIZES = (2, 4, 8)
"""Side of the pooled squares in pixels, which is the width of the lines detected."""

SMOOTH = 1e-4
"""Mean square of a Laplacian below which there are no lines: photographs have 0.02 and more."""

_KERNEL = ((0.0, -1.0, 0.0), (-1.0, 4.0, -1.0), (0.0, -1.0, 0.0))


def laplacian(image: Tensor, pool: int) -> Tensor:
    """The Laplacian of the mean of the channels, after average pooling.

    The paper adds up the Laplacians of all three channels. Their mean constrains the lines and
    leaves the colours free.

    Args:
        image: (B, C, H, W), at least 3 · ``pool`` px each way.
        pool: Side of the pooled squares in pixels.

    Returns:
        (B, 1, H // pool − 2, W // pool − 2).
    """
    pooled = F.avg_pool2d(image.mean(1, keepdim=True), pool)
    return F.conv2d(
        pooled, torch.tensor(_KERNEL, dtype=image.dtype, device=image.device)[None, None]
    )


def laplacian_loss(values: Tensor, target: Tensor) -> Tensor:
    """Squared error of Laplacians relative to the target's energy, (B,).

    Of a smooth photograph there is next to no energy, and any brush stroke would be a large error:
    the energy counts as that of :data:`SMOOTH` at least.

    Args:
        values: Of the picture, (B, 1, H, W).
        target: Of the photograph, (B or 1, 1, H, W).
    """
    energy = at_least_float32(target).square().flatten(1).sum(1)
    return squared_error(values, target) / energy.clamp_min(SMOOTH * target[0].numel())

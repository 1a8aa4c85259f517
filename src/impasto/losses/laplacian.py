"""The lines of a picture: its Laplacian at a few sizes.

Li, Xu, Nie & Chua 2017, "Laplacian-Steered Neural Style Transfer", arXiv:1707.01253.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

POOLS = (2, 4, 8)
"""Pixels averaged before the Laplacian: lines this wide are told."""

_KERNEL = ((0.0, -1.0, 0.0), (-1.0, 4.0, -1.0), (0.0, -1.0, 0.0))


def laplacian(image: Tensor, pool: int) -> Tensor:
    """The Laplacian of the mean of the channels, after average pooling.

    The channels' mean, where the paper adds up the Laplacians of all three: lines are kept, colours
    are free.

    Args:
        image: (B, C, H, W), at least 3 · ``pool`` px each way.
        pool: Side of the squares averaged, in pixels.

    Returns:
        (B, 1, H // pool − 2, W // pool − 2).
    """
    small = F.avg_pool2d(image.mean(1, keepdim=True), pool)
    return F.conv2d(
        small, torch.tensor(_KERNEL, dtype=image.dtype, device=image.device)[None, None]
    )

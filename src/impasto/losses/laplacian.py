"""The Laplacian of a picture at several scales.

Li, Xu, Nie & Chua 2017, "Laplacian-Steered Neural Style Transfer", arXiv:1707.01253.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

POOL_SIZES = (2, 4, 8)
"""Side of the pooled squares in pixels, which is the width of the lines detected."""

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

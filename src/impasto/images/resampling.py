"""Pictures resampled with a low-pass filter."""

from __future__ import annotations

from typing import cast

import torch.nn.functional as F
from torch import Tensor

from impasto.runtime.devices import on_cpu_if_missing


def antialiased(image: Tensor, size: tuple[int, int], mode: str = "bicubic") -> Tensor:
    """Pictures or maps (B, C, H, W) at another height and width, filtered, not clipped.

    Args:
        image: Float.
        size: The new height and width.
        mode: ``"bicubic"``, which overshoots at edges, or ``"bilinear"``.
    """
    # Some versions of PyTorch lack it on Apple's GPUs.
    resampled = on_cpu_if_missing(F.interpolate, image, size=size, mode=mode, antialias=True)
    return cast("Tensor", resampled)

"""Pictures resampled with a low-pass filter."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.runtime.devices import on_cpu_if_missing
from impasto.runtime.strips import strips


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


def resampled_levels(levels: Tensor, size: tuple[int, int]) -> Tensor:
    """A uint8 picture (B, C, H, W) as floats at another size, unclipped, as by ``antialiased``.

    The filter is separable: rows are resampled in strips, then columns. So a large picture is never
    held in floats, and the result is the same to the bit.
    """
    height, width = levels.shape[-2], size[1]
    rows = torch.empty((*levels.shape[:2], height, width), device=levels.device)
    for strip, target in strips(levels, rows):
        target.copy_(antialiased(strip / 255, (target.shape[-2], width)))
    return antialiased(rows, size)


def resampled(image: Tensor, size: tuple[int, int], dtype: torch.dtype) -> Tensor:
    """A picture (B, C, H, W) at another size, as by ``antialiased``.

    Args:
        image: Float in [0, 1], or uint8.
        size: The new height and width.
        dtype: Of the result: float32, not clipped, or uint8, which is clipped and rounded after
            each direction, and resampled in strips, so that nothing large is held in floats.
    """
    if dtype != torch.uint8:
        if image.is_floating_point():
            return antialiased(image, size)
        return resampled_levels(image, size)
    batch, channels, height, _ = image.shape
    rows = torch.empty((batch, channels, height, size[1]), dtype=dtype, device=image.device)
    result = torch.empty((batch, channels, *size), dtype=dtype, device=image.device)
    for source, target in ((image, rows), (rows.mT, result.mT)):
        for strip, part in strips(source, target):
            floats = strip if strip.is_floating_point() else strip / 255
            resized = antialiased(floats.contiguous(), (part.shape[-2], part.shape[-1]))
            part.copy_(resized.clamp_(0, 1).mul_(255).round_())
    return result

"""Augmentation of an encoder's training pictures."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def augment(batch: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures of other exposure and colour, blended, noisy or blurred, (B, 3, H, W) in [0, 1].

    Painting by optimization passes through pictures that are no photographs, which a student
    encoder must know too.
    """
    count = len(batch)

    def chance(probability: float) -> Tensor:
        return (torch.rand(count, generator=generator) < probability).view(-1, 1, 1, 1)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator)

    toned = (batch - 0.5) * uniform(0.4, 1.4, 1, 1, 1) + 0.5 + uniform(-0.2, 0.2, 3, 1, 1)
    batch = torch.where(chance(0.3), toned, batch)
    blend = torch.lerp(batch, batch.roll(1, 0), uniform(0.2, 0.8, 1, 1, 1))
    batch = torch.where(chance(0.15), blend, batch)
    blurred = F.interpolate(F.avg_pool2d(batch, 4), batch.shape[-2:], mode="bilinear")
    batch = torch.where(chance(0.1), blurred, batch)
    noise = torch.randn(batch.shape, generator=generator) * uniform(0, 0.3, 1, 1, 1)
    batch = torch.where(chance(0.25), batch + noise, batch)
    return batch.clamp(0, 1)

"""Training pictures off the beaten track."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def augment(batch: Tensor, random: torch.Generator) -> Tensor:
    """Pictures off the beaten track: other exposure and colour, blends, noise, blur.

    An optimizer passes through pictures that are no photographs; the student must know them too.
    """
    count = len(batch)

    def chance(probability: float) -> Tensor:
        return (torch.rand(count, generator=random) < probability).view(-1, 1, 1, 1)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=random)

    toned = (batch - 0.5) * uniform(0.4, 1.4, 1, 1, 1) + 0.5 + uniform(-0.2, 0.2, 3, 1, 1)
    batch = torch.where(chance(0.3), toned, batch)
    blend = torch.lerp(batch, batch.roll(1, 0), uniform(0.2, 0.8, 1, 1, 1))
    batch = torch.where(chance(0.15), blend, batch)
    soft = F.interpolate(F.avg_pool2d(batch, 4), batch.shape[-2:], mode="bilinear")
    batch = torch.where(chance(0.1), soft, batch)
    noise = torch.randn(batch.shape, generator=random) * uniform(0, 0.3, 1, 1, 1)
    batch = torch.where(chance(0.25), batch + noise, batch)
    return batch.clamp(0, 1)

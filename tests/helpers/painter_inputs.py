"""Pictures and style vectors for networks of any kind."""

from __future__ import annotations

import torch
from torch import Tensor

from helpers.random_inputs import smooth_picture
from helpers.tiny_networks import vectors
from impasto.networks.base import StyledNetwork
from impasto.networks.colour_map import with_palette


def styles(network: StyledNetwork, count: int) -> Tensor:
    """Style vectors (count, style_size), with palettes of pictures where there are any."""
    painted = torch.cat([smooth_picture(24, 24, seed=seed) for seed in range(count)])
    return with_palette(vectors(count, network.style_size), painted, network.palette_size)


def pictures(batch: int, height: int, width: int) -> Tensor:
    """Different smooth pictures (batch, 3, height, width)."""
    return torch.cat([smooth_picture(height, width, seed=seed) for seed in range(batch)])

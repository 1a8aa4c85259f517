"""Random but reproducible inputs: encoders and smooth pictures."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.encoders.vgg import Architecture, Encoder


def random_encoder(architecture: Architecture, seed: int = 0) -> Encoder:
    """An encoder with He-initialized weights; the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = Encoder(architecture)
        for module in encoder.convolutions.values():
            assert isinstance(module, nn.Conv2d)
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)
    return encoder.frozen()


def smooth_picture(height: int, width: int, seed: int) -> Tensor:
    """(1, 3, H, W) in [0, 1]: coarse noise, enlarged, with a little fine noise on it."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 5, 6, generator=random)
    fine = torch.rand(1, 3, height, width, generator=random)
    large = F.interpolate(coarse, (height, width), mode="bicubic")
    return (0.9 * large + 0.1 * fine).clamp(0, 1)

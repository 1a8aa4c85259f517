"""Inputs of metrics: noise, pictures and features."""

import torch
from hypothesis import settings

from helpers.random_inputs import smooth_picture

some = settings(max_examples=20, deadline=None)  # other work may share the machine


def noise(seed, *shape):
    random = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=random, dtype=torch.float64)


def pictures(seed):
    """Two unlike pictures of one size."""
    one = smooth_picture(40, 52, seed=seed).double()
    return one, (0.8 * one + 0.2 * smooth_picture(40, 52, seed=seed + 1000)).clamp(0, 1)


def features(seed, channels=5, height=7, width=9):
    return noise(seed, 2, channels, height, width) - 0.3


def plain(color):
    """A picture of one colour."""
    return torch.tensor(color, dtype=torch.float64).view(1, 3, 1, 1).expand(1, 3, 12, 14)

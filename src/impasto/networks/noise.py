"""White noise as a function of position, which a network can paint strokes from.

A network maps equal input to equal output. In a uniform sky all that it sees is its own lattice, so
what it paints there becomes a plaid. Noise as a further input gives it chance (texture networks,
Ulyanov et al. 2016, arXiv:1603.03417). A position has the same noise on every machine, in every
tile, in every frame of a video, and in exported graphs.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from impasto.runtime.devices import CPU

PERIOD = 128
"""Units after which the noise repeats: a kilopixel at an eighth of the picture's size.

So a graph holds it as a small constant, and looks it up.
"""


@lru_cache(maxsize=8)
def noise_tile(channels: int) -> Tensor:
    """One period of the noise, (1, channels, PERIOD, PERIOD), float32, uniform, of variance one.

    The values are those of a 32-bit integer hash (the finalizer of MurmurHash3) of channel, row and
    column, of which eight bits are kept.
    """
    places = torch.arange(PERIOD, device=CPU)
    rows, columns = places.view(1, -1, 1), places.view(1, 1, -1)
    maps = torch.arange(channels, device=CPU).view(-1, 1, 1)
    x = rows * 0x9E3779B1 + columns * 0x85EBCA77 + maps * 0xC2B2AE3D + 0x27D4EB2F
    x = x & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        x = ((x ^ (x >> shift)) * factor) & 0xFFFFFFFF
    centred = (x >> 24).float() - 127.5
    scaled: Tensor = centred / ((256**2 - 1) / 12) ** 0.5
    return scaled[None]


def noise(tile: Tensor, size: tuple[int, int], *, origin: tuple[int, int] = (0, 0)) -> Tensor:
    """The noise of a rectangle of the unbounded plane, (1, C, height, width).

    Args:
        tile: From :func:`noise_tile`, on any device.
        size: Height and width.
        origin: Row and column of the first value.
    """
    for axis, (start, length) in enumerate(zip(origin, size, strict=True), 2):
        places = torch.arange(start, start + length, device=tile.device) % PERIOD
        tile = tile.index_select(axis, places)
    return tile

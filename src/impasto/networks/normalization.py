"""What one-pass networks are built of: convolutions, normalization in two halves, fixed noise.

Instance normalization needs the mean and the variance of each whole map, which a tile of a picture
does not know. So a network is written as a *walk*: a generator that hands out every map that is to
be normalized, is sent the map's moments, and goes on. Who drives it decides whose moments they are:
:func:`run_staged` gives those of the map itself (instance normalization, Ulyanov et al. 2016,
arXiv:1607.08022); a driver of many walks gives the moments over all tiles.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.losses.moments import HALF_DTYPES, row_means, without_autocast
from impasto.nn.convolution import convolve, is_fixed
from impasto.runtime.strips import strips


class Moments(NamedTuple):
    """Of a map (B, C, H, W), channel by channel: mean and mean square, (B, C) each, float32."""

    mean: Tensor
    square: Tensor


StagedForward = Generator[Tensor, Moments, Tensor]
"""Yields maps (B, C, H, W) to be normalized, is sent their moments, returns the picture."""

EPSILON = 1e-5


def moments_of(x: Tensor) -> Moments:
    """The moments of a map itself."""
    # In float32 whatever the map is: a mean square less a squared mean cancels.
    with without_autocast(x):
        means, squares = [], []
        # Where gradients are kept, each strip's would be a whole map of zeros around it.
        is_learning = torch.is_grad_enabled() and x.requires_grad
        for (strip,) in [(x,)] if is_learning else strips(x):
            rows = strip.permute(0, 2, 3, 1).float()
            means.append(row_means(rows))
            squares.append(row_means(rows.square()))
        return Moments(torch.cat(means, 1).mean(1), torch.cat(squares, 1).mean(1))


def normalize(
    x: Tensor, moments: Moments, scale: Tensor, shift: Tensor, *, overwrite: bool = False
) -> Tensor:
    """``scale · (x − mean) / deviation + shift`` in one pass over the map.

    Args:
        x: (B, C, H, W).
        moments: Of the map that ``x`` is, or is a part of.
        scale: γ, (B or 1, C) or a map (B, C, H, W).
        shift: β, likewise.
        overwrite: Write the result into ``x``, where no gradients are kept.
    """
    variance = (moments.square - moments.mean.square()).clamp_min(0)
    deviation = (variance + EPSILON).sqrt()
    mean, deviation = moments.mean[:, :, None, None], deviation[:, :, None, None]
    if scale.ndim == 2:
        scale, shift = scale[:, :, None, None], shift[:, :, None, None]
    factor = scale / deviation
    if torch.is_grad_enabled() or not overwrite:
        return _scaled(x, mean, factor, shift).to(x.dtype)
    for strip, *maps in strips(x, factor, shift):
        strip.copy_(_scaled(strip, mean, *maps))
    return x


def _scaled(x: Tensor, mean: Tensor, factor: Tensor, shift: Tensor) -> Tensor:
    """What :func:`normalize` makes; of half precision in float32."""
    if x.dtype in HALF_DTYPES:
        # In float32: of an even map mean · factor is hundreds, and would be rounded to whole ones.
        return torch.addcmul(shift, x - mean, factor)
    return torch.addcmul(shift - mean * factor, x, factor)


def run_staged(walk: StagedForward) -> Tensor:
    """The end of a walk on which every map is normalized by its own moments."""
    try:
        x = next(walk)
        while True:
            x = walk.send(moments_of(x))
    except StopIteration as end:
        result: Tensor = end.value
        return result


def reflected(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    """A convolution that sees the picture mirrored beyond its border (no dark rim).

    Padding outside the convolution: its own reflection padding leaves channels-last.
    """
    if is_fixed(convolution):
        return convolve(convolution, x, padding="reflect")
    pad = convolution.kernel_size[0] // 2
    x = F.pad(x, (pad, pad, pad, pad), mode="reflect") if pad else x
    return F.conv2d(
        x, convolution.weight, convolution.bias, convolution.stride, groups=convolution.groups
    )


def noise(size: tuple[int, int], channels: int, *, origin: tuple[int, int] = (0, 0)) -> Tensor:
    """White noise that is a function of place alone: (1, channels, height, width), variance one.

    Without it a network can paint nothing into an even sky: equal input is equal output. The same
    place has the same noise on every machine, in every tile and every frame of a film.

    Args:
        size: Height and width.
        channels: Independent maps.
        origin: Row and column of the first number in the whole, which has no end.
    """
    rows = torch.arange(origin[0], origin[0] + size[0]).view(1, -1, 1)
    columns = torch.arange(origin[1], origin[1] + size[1]).view(1, 1, -1)
    maps = torch.arange(channels).view(-1, 1, 1)
    # A 32-bit integer hash (the finaliser of MurmurHash3) of the three coordinates.
    x = rows * 0x9E3779B1 + columns * 0x85EBCA77 + maps * 0xC2B2AE3D + 0x27D4EB2F
    x = x & 0xFFFFFFFF
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        x = ((x ^ (x >> shift)) * factor) & 0xFFFFFFFF
    uniform = x.double() / 2**32 - 0.5
    return (uniform * 12**0.5).float()[None]

"""The two ends of the network that ships, where its maps are largest, without waste.

At half the picture's size a copy takes as long as a convolution, so here every map is written once,
to where the next convolution wants it: within a border, beside the maps that it is joined with.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.images.picture import as_floats, in_type_of
from impasto.nn.bands import Band, in_bands, plan_bands
from impasto.nn.padding import fill_border, framed, padded


def fold(image: Tensor, room: Tensor) -> None:
    """Write a picture at half its size (pixel unshuffle).

    Args:
        image: (B, 3, H, W), H and W even, in [0, 1]; uint8 is taken as 255ths.
        room: Where to, (B, 12, H/2, W/2).
    """
    image = as_floats(image).to(room.dtype)  # row by row, not every second pixel
    for index, (colour, row, column) in enumerate(itertools.product(range(3), (0, 1), (0, 1))):
        room[:, index] = image[:, colour, row::2, column::2]


def first(convolution: nn.Conv2d, image: Tensor) -> Tensor:
    """The map at a quarter of the size that a convolution of stride two makes of the folded one.

    Args:
        convolution: From 12 channels.
        image: As :func:`fold` takes it, H and W multiples of four.

    Returns:
        (B, C, H/4, W/4), channels last.
    """
    weight = convolution.weight

    def make(band: Band) -> Tensor:
        part = band.cut(image, 4)
        size = part.shape[-2] // 2, part.shape[-1] // 2
        larger, room = framed(weight, len(part), 12, size)
        fold(part, room)
        return F.conv2d(fill_border(larger, "reflect"), weight, stride=2)

    return in_bands((image.shape[-2] // 4, image.shape[-1] // 4), make, halo=2)


class Layers(NamedTuple):
    """The last convolutions of the network.

    Attributes:
        detail: Makes maps of half the size, folded, from those of a quarter.
        head: Joins them with the picture.
        last: Makes the painted picture, folded.
    """

    detail: nn.Conv2d
    head: nn.Conv2d
    last: nn.Conv2d


def unfold(layers: Layers, quarter: Tensor, image: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """The painted picture of its map at a quarter of the size, and of the photograph.

    Args:
        layers: To go through.
        quarter: (B, C, H/4, W/4).
        image: (B, 3, H, W), as :func:`fold` takes it.
        scale: What the head is multiplied by: (B or 1, C'), or a map (B, C', H/2, W/2).
        shift: What is added, likewise.

    Returns:
        (B, 3, H, W) in [0, 1], float32; uint8 for a uint8 picture.
    """
    dtype = torch.float32 if image.is_floating_point() else image.dtype
    painted = torch.empty_like(image, dtype=dtype)
    for band in plan_bands((quarter.shape[-2], quarter.shape[-1]), halo=2):
        affine = (x if x.ndim == 2 else band.cut(x, 2) for x in (scale, shift))
        folded = _folded(layers, band.cut(quarter), band.cut(image, 4), *affine)
        folded = band.core(folded, 2).permute(0, 2, 3, 1).float().sigmoid_()
        batch, height, width, _ = folded.shape
        whole = band.part(painted, 4).view(batch, 3, height, 2, width, 2)
        made = folded.view(batch, height, width, 3, 2, 2).permute(0, 3, 1, 4, 2, 5)
        whole.copy_(in_type_of(made, painted))
    return painted


def _folded(layers: Layers, quarter: Tensor, image: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """Before the sigmoid, at half the size."""
    head, last = layers.head, layers.last
    joined = _joined(layers.detail, quarter, image)
    if len(scale) == len(shift) == 1 and scale.ndim == shift.ndim == 2:
        weight = head.weight * scale[0, :, None, None, None].to(head.weight.dtype)
        made = F.conv2d(joined, weight, shift[0].to(weight.dtype))
    else:
        made = F.conv2d(joined, head.weight)
        scale, shift = (x if x.ndim == 4 else x[:, :, None, None] for x in (scale, shift))
        made = torch.addcmul(shift.to(made.dtype), made, scale.to(made.dtype))
    larger, inner = framed(made, len(made), made.shape[1], (made.shape[-2], made.shape[-1]))
    torch.clamp_min(made, 0, out=inner)
    return F.conv2d(fill_border(larger, "reflect"), last.weight, last.bias)


def _joined(detail: nn.Conv2d, quarter: Tensor, image: Tensor) -> Tensor:
    """Detail and picture at half size as one map within a mirrored border."""
    height, width = quarter.shape[-2:]
    channels = detail.out_channels // 4
    # Pixel shuffle takes (channel, row, column); with filters ordered by (row, column, channel)
    # all channels of a place lie together.
    bias = None if detail.bias is None else _by_place(detail.bias)
    made = F.conv2d(padded(quarter, "reflect"), _by_place(detail.weight), bias)
    parts = made.permute(0, 2, 3, 1).view(len(made), height, width, 2, 2, channels)
    joined, room = framed(quarter, len(quarter), channels + 12, (2 * height, 2 * width))
    fold(image, room[:, channels:])
    place = room[:, :channels].permute(0, 2, 3, 1)
    place.view(len(place), height, 2, width, 2, channels).copy_(parts.movedim(3, 2))
    return fill_border(joined, "reflect")


def _by_place(filters: Tensor) -> Tensor:
    folded = filters.reshape(-1, 2, 2, *filters.shape[1:])
    return folded.movedim(0, 2).flatten(0, 2)

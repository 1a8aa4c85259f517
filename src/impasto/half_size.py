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

from impasto.borders import fill_border, framed, padded


def fold(image: Tensor) -> tuple[Tensor, Tensor]:
    """A picture at half its size (pixel unshuffle), and the same within a mirrored border.

    Args:
        image: (B, 3, H, W), H and W even.

    Returns:
        (B, 12, H/2, W/2), a part of (B, 12, H/2 + 2, W/2 + 2), channels last.
    """
    size = image.shape[-2] // 2, image.shape[-1] // 2
    larger, picture = framed(image, 12, size)
    for index, (colour, row, column) in enumerate(itertools.product(range(3), (0, 1), (0, 1))):
        picture[:, index] = image[:, colour, row::2, column::2]
    return picture, fill_border(larger, "reflect")


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


def unfold(
    layers: Layers, quarter: Tensor, picture: Tensor, scale: Tensor, shift: Tensor
) -> Tensor:
    """The painted picture of its map at a quarter of the size, and of the folded photograph.

    Args:
        layers: To go through.
        quarter: (B, C, H/4, W/4).
        picture: (B, 12, H/2, W/2).
        scale: What the head is multiplied by: (B or 1, C'), or a map (B, C', H/2, W/2).
        shift: What is added, likewise.

    Returns:
        (B, 3, H, W) in [0, 1], float32.
    """
    size = picture.shape[-2], picture.shape[-1]
    head, last = layers.head, layers.last
    joined = _joined(layers.detail, quarter, picture)
    if len(scale) == len(shift) == 1 and scale.ndim == shift.ndim == 2:
        weight = head.weight * scale[0, :, None, None, None].to(head.weight.dtype)
        made = F.conv2d(joined, weight, shift[0].to(weight.dtype))
    else:
        made = F.conv2d(joined, head.weight)
        scale, shift = (x if x.ndim == 4 else x[:, :, None, None] for x in (scale, shift))
        made = torch.addcmul(shift.to(made.dtype), made, scale.to(made.dtype))
    larger, inner = framed(made, made.shape[1], size)
    torch.clamp_min(made, 0, out=inner)
    fill_border(larger, "reflect")
    folded = F.conv2d(larger, last.weight, last.bias).permute(0, 2, 3, 1).float().sigmoid_()
    painted = folded.new_empty(len(folded), 3, 2 * size[0], 2 * size[1])
    whole = painted.view(len(folded), 3, size[0], 2, size[1], 2)
    whole.copy_(folded.view(*folded.shape[:3], 3, 2, 2).permute(0, 3, 1, 4, 2, 5))
    return painted


def _joined(detail: nn.Conv2d, quarter: Tensor, picture: Tensor) -> Tensor:
    """Detail and picture at half size as one map within a mirrored border."""
    height, width = quarter.shape[-2:]
    channels = detail.out_channels // 4
    # Pixel shuffle takes (channel, row, column); with filters ordered by (row, column, channel)
    # all channels of a place lie together.
    bias = None if detail.bias is None else _by_place(detail.bias)
    made = F.conv2d(padded(quarter, "reflect"), _by_place(detail.weight), bias)
    parts = made.permute(0, 2, 3, 1).view(len(made), height, width, 2, 2, channels)
    joined, room = framed(quarter, channels + picture.shape[1], (2 * height, 2 * width))
    room[:, channels:] = picture
    place = room[:, :channels].permute(0, 2, 3, 1)
    place.view(len(place), height, 2, width, 2, channels).copy_(parts.movedim(3, 2))
    return fill_border(joined, "reflect")


def _by_place(filters: Tensor) -> Tensor:
    folded = filters.reshape(-1, 2, 2, *filters.shape[1:])
    return folded.movedim(0, 2).flatten(0, 2)

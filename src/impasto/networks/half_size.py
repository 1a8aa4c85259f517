"""The first and last layers of the network that ships, where its maps are largest, with few copies.

At half the picture's size a copy takes as long as a convolution. So each map is written once, into
the memory that the next convolution reads: inside a border, next to the maps concatenated with it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.images.picture import as_float, match_dtype
from impasto.networks.region_maps import StyleMap, as_tensor
from impasto.nn.bands import Band, in_bands, plan_bands
from impasto.nn.padding import empty_with_border, fill_border, pad


def pixel_unshuffle_into(image: Tensor, out: Tensor) -> None:
    """Write a picture at half its size (pixel unshuffle).

    Args:
        image: (B, 3, H, W), H and W even, in [0, 1]; uint8 counts in 255ths.
        out: (B, 12, H/2, W/2).
    """
    image = as_float(image).to(out.dtype)  # row by row, not every second pixel
    for index, (colour, row, column) in enumerate(itertools.product(range(3), (0, 1), (0, 1))):
        out[:, index] = image[:, colour, row::2, column::2]


Change: TypeAlias = Callable[[Band, Tensor], Tensor]
"""(Band, its rows of a picture with four times its halo) → other colours for them."""


def _unchanged(band: Band, rows: Tensor) -> Tensor:
    return rows


def less(mean: Tensor) -> Change:
    """The picture less its mean (B or 1, 3)."""
    return lambda band, rows: as_float(rows) - mean[:, :, None, None]


def first_layer(weight: Tensor, image: Tensor, change: Change = _unchanged) -> Tensor:
    """The map at a quarter of the size: a convolution of stride two on the unshuffled picture.

    Args:
        weight: Filters (C, 12, 3, 3).
        image: (B, 3, H, W) as in :func:`pixel_unshuffle_into`, H and W multiples of four.
        change: Of the picture before that.

    Returns:
        (B, C, H/4, W/4), channels last.
    """

    def compute(band: Band) -> Tensor:
        part = change(band, band.with_halo(image, 4))
        size = part.shape[-2] // 2, part.shape[-1] // 2
        bordered, inner = empty_with_border(weight, len(part), 12, size)
        pixel_unshuffle_into(part, inner)
        return F.conv2d(fill_border(bordered, "reflect"), weight, stride=2)

    return in_bands((image.shape[-2] // 4, image.shape[-1] // 4), compute, halo=2)


class Filters(NamedTuple):
    """The filters (C', C, 3, 3) of a convolution, and its bias (C')."""

    weight: Tensor
    bias: Tensor | None = None

    @classmethod
    def of(cls, convolution: nn.Conv2d) -> Filters:
        """Those of a layer."""
        return cls(convolution.weight, convolution.bias)


class LastLayers(NamedTuple):
    """The last convolutions of the network.

    Attributes:
        detail: From a quarter of the size; its output is pixel-shuffled to half the size.
        head: On the output of ``detail`` and the unshuffled picture.
        picture: Its output is pixel-shuffled to the painted picture.
        finish: (band, its values, (B, 3, h, 2, w, 2) float32: those of pixel (2i + k, 2j + l) are
            at (i, k, j, l)) → its picture in [0, 1], of the same shape. By default a sigmoid.
        change: Of the picture that ``head`` sees.
    """

    detail: Filters
    head: Filters
    picture: Filters
    finish: Callable[[Band, Tensor], Tensor] = lambda band, values: values.sigmoid_()
    change: Change = _unchanged

    def __call__(self, quarter: Tensor, image: Tensor, scale: StyleMap, shift: StyleMap) -> Tensor:
        """The painted picture.

        Args:
            quarter: The map at a quarter of the size, (B, C, H/4, W/4).
            image: The photograph, (B, 3, H, W) as in :func:`pixel_unshuffle_into`.
            scale: Factor of the head's output: (B or 1, C'), or a map (B, C', H/2, W/2).
            shift: Added to it, of the same shape.

        Returns:
            (B, 3, H, W) in [0, 1], float32; uint8 for a uint8 picture.
        """
        dtype = torch.float32 if image.is_floating_point() else image.dtype
        painted = torch.empty_like(image, dtype=dtype)
        for band in plan_bands((quarter.shape[-2], quarter.shape[-1]), halo=2):
            affine = (_of_band(values, band) for values in (scale, shift))
            part = self.change(band, band.with_halo(image, 4))
            half = self._at_half_size(band.with_halo(quarter), part, *affine)
            half = band.without_halo(half, 2).permute(0, 2, 3, 1).float()
            batch, height, width, _ = half.shape
            shuffled = half.view(batch, height, width, 3, 2, 2).permute(0, 3, 1, 4, 2, 5)
            rows = band.rows_of(painted, 4).view(shuffled.shape)
            rows.copy_(match_dtype(self.finish(band, shuffled), painted))
        return painted

    def _at_half_size(self, quarter: Tensor, image: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """The picture before pixel shuffle and sigmoid, (B, 12, H/2, W/2)."""
        inputs = self._head_inputs(quarter, image)
        if len(scale) == len(shift) == 1 and scale.ndim == shift.ndim == 2:
            weight = self.head.weight * scale[0, :, None, None, None].to(self.head.weight.dtype)
            x = F.conv2d(inputs, weight, shift[0].to(weight.dtype))
        else:
            x = F.conv2d(inputs, self.head.weight)
            scale, shift = as_tensor(scale), as_tensor(shift)
            x = torch.addcmul(shift.to(x.dtype), x, scale.to(x.dtype))
        bordered, inner = empty_with_border(x, len(x), x.shape[1], (x.shape[-2], x.shape[-1]))
        torch.clamp_min(x, 0, out=inner)
        return F.conv2d(fill_border(bordered, "reflect"), self.picture.weight, self.picture.bias)

    def _head_inputs(self, quarter: Tensor, image: Tensor) -> Tensor:
        """Detail and picture at half the size, concatenated, with a reflected border."""
        height, width = quarter.shape[-2:]
        channels = len(self.detail.weight) // 4
        # Pixel shuffle takes (channel, row, column). With filters ordered by (row, column, channel)
        # all channels of a position are contiguous.
        bias = None if self.detail.bias is None else _by_position(self.detail.bias)
        x = F.conv2d(pad(quarter, "reflect"), _by_position(self.detail.weight), bias)
        parts = x.permute(0, 2, 3, 1).view(len(x), height, width, 2, 2, channels)
        bordered, inner = empty_with_border(
            quarter, len(quarter), channels + 12, (2 * height, 2 * width)
        )
        pixel_unshuffle_into(image, inner[:, channels:])
        detail = inner[:, :channels].permute(0, 2, 3, 1)
        detail.view(len(detail), height, 2, width, 2, channels).copy_(parts.movedim(3, 2))
        return fill_border(bordered, "reflect")


def recoloured_filters(weight: Tensor, matrix: Tensor) -> Tensor:
    """Filters (C, 12, 3, 3) of a picture times a matrix (3, 3) → those of the picture; float32."""
    by_colour = weight.float().unflatten(1, (3, 4))  # type: ignore[no-untyped-call]
    folded: Tensor = torch.einsum("oupyx,uc->ocpyx", by_colour, matrix)
    return folded.flatten(1, 2)


def sums_by_colour(weight: Tensor) -> Tensor:
    """What filters (C, 12, 3, 3) make of a picture of one colour: (C, 3), times the colour."""
    return weight.float().sum((2, 3)).view(-1, 3, 4).sum(2)


def _of_band(values: StyleMap, band: Band) -> Tensor:
    """γ or β at half the size in a band with its halo; vectors as they are."""
    if isinstance(values, Tensor) and values.ndim == 2:
        return values
    first, last = band.outer_rows
    return as_tensor(values[:, :, 2 * first : 2 * last])


def _by_position(filters: Tensor) -> Tensor:
    """Filters (or biases) ordered by (channel, row, column) → by (row, column, channel)."""
    return filters.reshape(-1, 2, 2, *filters.shape[1:]).movedim(0, 2).flatten(0, 2)

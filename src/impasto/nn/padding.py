"""Padding of maps by one unit, and its gradient.

Maps are (B, C, H, W) in the channels-last layout, which torch's own reflection padding loses, or in
the other on devices where that is faster.
"""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.runtime.precision import fastest_layout

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
"""Zeros, the mirrored map, its outermost units, or the opposite side."""


def empty_with_border(
    like: Tensor, batch: int, channels: int, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """An uninitialized map (B, C, H + 2, W + 2), and a view of its interior (B, C, H, W).

    Args:
        like: A tensor with the dtype and device of the map.
        batch: B.
        channels: C.
        size: H and W.
    """
    bordered = _empty(like, batch, channels, size[0] + 2, size[1] + 2)
    return bordered, bordered[:, :, 1:-1, 1:-1]


def _empty(like: Tensor, batch: int, channels: int, height: int, width: int) -> Tensor:
    if fastest_layout(like.device, like.dtype) == torch.channels_last:
        return like.new_empty(batch, height, width, channels).permute(0, 3, 1, 2)
    return like.new_empty(batch, channels, height, width)


def fill_border(bordered: Tensor, padding: str) -> Tensor:
    """Fill the border of a padded map from its interior, in place; returns the same map."""
    for axis in (2, 3):
        if padding == "zeros":
            bordered.select(axis, 0).zero_()
            bordered.select(axis, -1).zero_()
        for border, source in _border_sources(padding, bordered.shape[axis] - 2):
            bordered.select(axis, border).copy_(bordered.select(axis, source))
    return bordered


def pad(x: Tensor, padding: str, extra: tuple[int, int] = (0, 0)) -> Tensor:
    """A copy of a map with a border of one unit, and optionally zeros below and to the right.

    Args:
        x: (B, C, H, W), H and W at least 2.
        padding: One of ``PADDING_MODES``.
        extra: Rows and columns of zeros after the border.

    Returns:
        (B, C, H + 2 + rows, W + 2 + columns).
    """
    height, width = x.shape[-2:]
    rows, columns = height + 2, width + 2
    larger = _empty(x, len(x), x.shape[1], rows + extra[0], columns + extra[1])
    if any(extra):
        larger[:, :, rows:] = 0
        larger[..., columns:] = 0
    bordered = larger[:, :, :rows, :columns]
    bordered[:, :, 1:-1, 1:-1] = x
    fill_border(bordered, padding)
    return larger


def pad_backward(gradient: Tensor, padding: str, size: tuple[int, int]) -> Tensor:
    """The gradient of the input of :func:`pad`: its transpose.

    Args:
        gradient: Of the padded map; it is overwritten.
        padding: One of ``PADDING_MODES``.
        size: Height and width of the map before padding.

    Returns:
        (B, C, H, W), a view of ``gradient``.
    """
    height, width = size
    for axis, length in ((3, width), (2, height)):
        for border, source in _border_sources(padding, length):
            gradient.select(axis, source).add_(gradient.select(axis, border))
    return gradient[:, :, 1 : height + 1, 1 : width + 1]


def _border_sources(padding: str, length: int) -> tuple[tuple[int, int], ...]:
    """Index of each border unit and of the unit that it copies, along a padded axis."""
    return {
        "zeros": (),
        "reflect": ((0, 2), (length + 1, length - 1)),
        "replicate": ((0, 1), (length + 1, length)),
        "circular": ((0, length), (length + 1, 1)),
    }[padding]

"""What convolutions see beyond the border of a map, and what its gradients do there.

Maps are (B, C, H, W) in the channels-last layout, which torch's own reflection leaves.
"""

from __future__ import annotations

from torch import Tensor

BORDERS = ("zeros", "reflect", "replicate", "circular")
"""How a map goes on: with nothing, mirrored, with its outermost units, or from the other side."""


def framed(like: Tensor, batch: int, channels: int, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Room for a map with a border of one unit, and the map within it.

    Args:
        like: Of whose type and device.
        batch: Of the map.
        channels: Of the map.
        size: Its height and width.
    """
    shape = batch, size[0] + 2, size[1] + 2, channels
    larger = like.new_empty(shape).permute(0, 3, 1, 2)
    return larger, larger[:, :, 1:-1, 1:-1]


def fill_border(larger: Tensor, padding: str) -> Tensor:
    """Make the border of a padded map, of which the inner part is there: the same map."""
    for axis in (2, 3):
        if padding == "zeros":
            larger.select(axis, 0).zero_()
            larger.select(axis, -1).zero_()
        for border, within in _seen(padding, larger.shape[axis] - 2):
            larger.select(axis, border).copy_(larger.select(axis, within))
    return larger


def padded(x: Tensor, padding: str, beyond: tuple[int, int] = (0, 0)) -> Tensor:
    """A map with a border of one unit, and zeros below and to the right if told so.

    Args:
        x: (B, C, H, W), H and W at least 2.
        padding: One of ``BORDERS``.
        beyond: Rows and columns of zeros that follow the border.

    Returns:
        (B, C, H + 2 + rows, W + 2 + columns), new.
    """
    height, width = x.shape[-2:]
    rows, columns = height + 2, width + 2
    shape = len(x), rows + beyond[0], columns + beyond[1], x.shape[1]
    larger = x.new_empty(shape).permute(0, 3, 1, 2)
    larger[:, :, rows:] = 0
    larger[..., columns:] = 0
    bordered = larger[:, :, :rows, :columns]
    bordered[:, :, 1:-1, 1:-1] = x
    fill_border(bordered, padding)
    return larger


def folded(gradient: Tensor, padding: str, size: tuple[int, int]) -> Tensor:
    """The transpose of :func:`padded`: what a border was made from gets the border's gradient.

    Args:
        gradient: Of the padded map; it is overwritten.
        padding: As there.
        size: Height and width of the map.

    Returns:
        (B, C, H, W), a part of ``gradient``.
    """
    height, width = size
    for border, within in _seen(padding, width):
        gradient[..., within] += gradient[..., border]
    for border, within in _seen(padding, height):
        gradient[:, :, within] += gradient[:, :, border]
    return gradient[:, :, 1 : height + 1, 1 : width + 1]


def _seen(padding: str, length: int) -> tuple[tuple[int, int], ...]:
    """Places of the border and of what is seen there, in a padded length."""
    return {
        "zeros": (),
        "reflect": ((0, 2), (length + 1, length - 1)),
        "replicate": ((0, 1), (length + 1, length)),
        "circular": ((0, length), (length + 1, 1)),
    }[padding]

"""The size at which a picture is painted, so that its strokes have the size that is asked for.

A network's strokes have a fixed size in pixels: those of its training, where styles are
``STYLE_SIDE`` pixels long. In a picture of twelve megapixels they are too fine to be seen. So a
large picture is painted at a smaller size, and the painting is carried to the picture's own
(:mod:`impasto.enlargement.guided`).
"""

from __future__ import annotations

import math

from impasto.images.picture import MAX_ENLARGE

REFERENCE = 640
"""Square root of the pixels of a picture whose strokes are right: a fair share of the picture, with
faces that can still be recognized (looked at: 512 to 1024)."""

_NEAR = 1.15
"""A picture is painted at its own size up to this many times the reference: strokes that are finer
by so little do not show, and its edges need not be carried."""


def painted_size(size: tuple[int, int], style_scale: float, least: int) -> tuple[int, int]:
    """Height and width at which to paint a picture.

    Args:
        size: Height and width of the picture.
        style_scale: Size of the strokes; 1 is their share of a picture of the reference size, or
            of a smaller one, 2 twice that; 0 paints every picture at its own size.
        least: Smallest side that the network can paint.
    """
    if not style_scale or min(size) < least:
        return size
    factor = wanted_factor(size, style_scale)
    factor = max(min(factor, MAX_ENLARGE), least / min(size))
    height, width = (max(least, round(factor * side)) for side in size)
    return height, width


def wanted_factor(size: tuple[int, int], style_scale: float) -> float:
    """The factor from a picture's size to that at which its strokes would be exactly right."""
    side = math.sqrt(size[0] * size[1])
    share = 1.0 if side <= _NEAR * REFERENCE else REFERENCE / side
    return share / style_scale


def stroke_share(size: tuple[int, int], style_scale: float, least: int) -> float:
    """How large strokes are of what is asked for: 1, but where :func:`painted_size` is bounded."""
    painted = painted_size(size, style_scale, least)
    if painted == size or not style_scale:
        return 1.0
    return max(size) * wanted_factor(size, style_scale) / max(painted)

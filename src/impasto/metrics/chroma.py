"""How colourful pictures are, and whether black and white stays black and white."""

from __future__ import annotations

import torch
from torch import Tensor

BLACK_AND_WHITE = 14.0
"""Mean chroma, of 255, up to which a style is black and white: prints on yellowed paper are."""


def mean_chroma(picture: Tensor) -> Tensor:
    """Mean over the pixels of the largest less the smallest of red, green and blue, (B,).

    Args:
        picture: (B, 3, H, W), sRGB in [0, 1].

    Returns:
        In [0, 255]: 0 for greys, 255 for pure colours.
    """
    return 255 * (picture.amax(1) - picture.amin(1)).mean((1, 2))


def chroma_excess(result: Tensor, style: Tensor) -> Tensor:
    """Mean chroma of the result less that of a black-and-white style, (B,).

    Args:
        result: (B, 3, H, W), sRGB in [0, 1].
        style: (B, 3, H', W'), sRGB in [0, 1].

    Returns:
        In [−14, 255]; NaN where the style is in colour (mean chroma above ``BLACK_AND_WHITE``).
    """
    own = mean_chroma(style)
    excess = mean_chroma(result) - own
    return torch.where(own <= BLACK_AND_WHITE, excess, torch.nan)

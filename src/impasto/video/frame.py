"""A frame of a clip: its picture, and when it is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from torch import Tensor


@dataclass(frozen=True)
class Frame:
    """A picture of a clip.

    Attributes:
        image: (1, 3, H, W), sRGB in [0, 1], upright and with square pixels.
        pts: When it is shown, in seconds from the beginning of what is painted.
        duration: How long, in seconds; an estimate where the file does not say.
        index: Its number, from 0.
        alpha: (1, 1, H, W) in [0, 1], its opacity, or None.
    """

    image: Tensor = field(repr=False)
    pts: Fraction
    duration: Fraction
    index: int = 0
    alpha: Tensor | None = field(default=None, repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.image.shape[-2], self.image.shape[-1]

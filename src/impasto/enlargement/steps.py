"""The steps of an enlargement that follows the edges of a photograph.

``refined`` and ``doubled`` are joint bilateral filters (Kopf et al. 2007, "Joint Bilateral
Upsampling"): each pixel is a mean of painted pixels nearby, weighted by how much the photograph
resembles itself at the two places. So colours do not cross the photograph's edges, and as painted
colours are only chosen and mixed, nothing of the photograph's own texture comes with them.
``sharpened`` is a shock filter (Osher & Rudin 1990): it keeps the edges of strokes, which the
photograph does not have, as steep in the larger picture as they were in the small one.

All are means over a few pixels around: a margin of ``MARGIN`` pixels makes parts of a picture
agree with the whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

SHARPENINGS = 2
"""Times that a picture is sharpened before it is doubled: once leaves strokes soft, three times
paint outlines around everything."""

MARGIN = 3 * SHARPENINGS + 1
"""Pixels around a part that its sharpening and doubling depend on."""

_SIMILAR = 0.004
"""Square of a difference in colour that counts as alike, in [0, 1] and summed over the channels:
about the noise of a photograph."""

_SLOPE = 0.004
"""Slope of lightness, a pixel, below which little is sharpened: what is left is grain."""

_AMOUNT = 0.5
"""The share of the way to the brightest or the darkest neighbour."""

_BAND = 2**16
"""Pixels of the small picture that are doubled at once, so that they stay in the cache."""

_LIGHTNESS = (0.299, 0.587, 0.114)


Part: TypeAlias = tuple[slice, slice]
"""Rows and columns of a map."""


def cut(x: Tensor, part: Part) -> Tensor:
    """A part of maps (…, H, W): a view."""
    return x[..., part[0], part[1]]


def refined(painted: Tensor, guide: Tensor, target: Tensor) -> Tensor:
    """A blurred painting with the edges of a sharp photograph.

    Args:
        painted: (1, C, H, W).
        guide: The photograph, as blurred as the painting, (1, G, H, W).
        target: The photograph, sharp, (1, G, H, W).

    Returns:
        (1, C, H, W).
    """
    height, width = painted.shape[-2:]
    around, seen, here = _with_border(painted), _Colours(_with_border(guide)), _Colours(target)
    mean = _WeightedMean(painted)
    for y in range(3):
        for x in range(3):
            part = slice(y, y + height), slice(x, x + width)
            nearness = math.exp(-((y - 1) ** 2 + (x - 1) ** 2) / 2)
            mean.add(cut(around, part), here.similarity(seen, part), nearness)
    return mean.value


def doubled(painted: Tensor, guide: Tensor, target: Tensor) -> Tensor:
    """A painting of twice the height and width, with the edges of the photograph at that size.

    Args:
        painted: (1, C, H, W).
        guide: The photograph at the same size, (1, G, H, W).
        target: The photograph at twice the size or up to a row and a column less, (1, G, H', W').

    Returns:
        (1, C, H', W').
    """
    height, width = painted.shape[-2:]
    down, right = 2 * height - target.shape[-2], 2 * width - target.shape[-1]
    if down or right:
        target = F.pad(target, (0, right, 0, down), mode="replicate")
    around, seen = _with_border(painted), _Colours(_with_border(guide))
    large = painted.new_empty((*painted.shape[:2], 2 * height, 2 * width))
    rows = max(1, _BAND // width) if painted.device.type == "cpu" else height
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        for v in (0, 1):
            for h in (0, 1):
                # The pixels of one quarter have the same four neighbours each, two of them nearer.
                quarter = slice(2 * top + v, 2 * bottom, 2), slice(h, None, 2)
                here = _Colours(cut(target, quarter).contiguous())
                mean = _WeightedMean(painted[..., top:bottom, :])
                for y, x, nearness in _neighbours(v, h):
                    part = slice(top + y, bottom + y), slice(x, x + width)
                    mean.add(cut(around, part), here.similarity(seen, part), nearness)
                cut(large, quarter).copy_(mean.value)
    return large[..., : 2 * height - down, : 2 * width - right]


def sharpened(painted: Tensor) -> Tensor:
    """A painting (1, C, H, W) with steeper edges and no overshoot.

    On the darker side of an edge colours go towards the darkest neighbour, on the other towards the
    brightest; which side it is, the second derivative of the lightness across the edge says.
    """
    channels = torch.tensor(_LIGHTNESS, device=painted.device).view(1, 3, 1, 1)
    lightness = _smoothed((painted * channels).sum(1, keepdim=True))
    x = _with_border(lightness)
    middle, before, after = slice(1, -1), slice(0, -2), slice(2, None)
    right, left = x[..., middle, after], x[..., middle, before]
    below, above = x[..., after, middle], x[..., before, middle]
    across, down = (right - left) / 2, (below - above) / 2
    mixed = x[..., after, after] + x[..., before, before]
    mixed = (mixed - x[..., before, after] - x[..., after, before]) / 4
    curvature = across.square() * (right + left - 2 * lightness)
    curvature += down.square() * (below + above - 2 * lightness)
    curvature += 2 * across * down * mixed
    square = across.square() + down.square()
    # Where there is no slope, there is no side either: the quotient goes to 0 there.
    side = (curvature / (square + _SLOPE**2).pow(1.5)).clamp_(-1, 1).mul_(_AMOUNT)
    brightest, darkest = _extreme(painted, torch.maximum), _extreme(painted, torch.minimum)
    result = torch.addcmul(painted, side.clamp(max=0), painted - brightest)
    return result.addcmul_(side.clamp(min=0), darkest - painted)


class _Colours:
    """Colours (1, G, H, W) to be compared, with the sums of their squares.

    The square of a difference is a² + b² − 2 a b: the squares are those of all neighbours.
    """

    def __init__(self, colours: Tensor) -> None:
        self._colours = colours
        self._squares = colours.square().sum(1, keepdim=True).add_(_SIMILAR / 2)

    def similarity(self, other: _Colours, part: Part) -> Tensor:
        """How alike these and a part of others are, (1, 1, H, W), above 0.

        It falls with the fourth power of the difference, and not as a Gaussian does: something
        that resembles none of its neighbours still has a nearest one.
        """
        distance = self._squares + cut(other._squares, part)
        theirs = cut(other._colours, part)
        for channel in range(theirs.shape[1]):
            at = slice(channel, channel + 1)
            distance.addcmul_(self._colours[:, at], theirs[:, at], value=-2)
        return distance.pow_(-2)


class _WeightedMean:
    """A mean of pictures like one, (1, C, H, W), with a weight for each pixel."""

    def __init__(self, like: Tensor) -> None:
        self._total, self._weights = torch.zeros_like(like), torch.zeros_like(like[:, :1])

    def add(self, picture: Tensor, weight: Tensor, factor: float) -> None:
        """Add a picture with weights (1, 1, H, W), all multiplied by a factor."""
        self._total.addcmul_(weight, picture, value=factor)
        self._weights.add_(weight, alpha=factor)

    @property
    def value(self) -> Tensor:
        """The mean of what was added."""
        return self._total / self._weights


def _neighbours(v: int, h: int) -> Iterator[tuple[int, int, float]]:
    """The row and the column of four neighbours in the bordered picture, and their nearness."""
    for y, vertical in ((v, 1 + 2 * v), (v + 1, 3 - 2 * v)):
        for x, horizontal in ((h, 1 + 2 * h), (h + 1, 3 - 2 * h)):
            yield y, x, vertical * horizontal / 16


def _smoothed(x: Tensor) -> Tensor:
    """A map under the binomial kernel of five pixels, about a Gaussian of one pixel."""
    x = F.pad(x, (2, 2, 2, 2), mode="replicate")
    for dimension in (-2, -1):
        length = x.shape[dimension] - 4
        parts = [x.narrow(dimension, start, length) for start in range(5)]
        x = (parts[0] + parts[4] + 4 * (parts[1] + parts[3]) + 6 * parts[2]) / 16
    return x


def _extreme(x: Tensor, choose: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The greatest or least of a pixel and its eight neighbours."""
    x = _with_border(x)
    for dimension in (-2, -1):
        length = x.shape[dimension] - 2
        parts = [x.narrow(dimension, start, length) for start in range(3)]
        x = choose(choose(parts[0], parts[1]), parts[2])
    return x


def _with_border(x: Tensor) -> Tensor:
    return F.pad(x, (1, 1, 1, 1), mode="replicate")

"""Where each pixel of a frame was in the frame before, and how far that can be trusted."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import option
from impasto.images.picture import fit_size
from impasto.metrics.optical_flow import MIN_SIDE, optical_flows
from impasto.metrics.temporal import sampling_grid

_LEAST, _MOST = 320, 640
"""Long side at which the flow is searched, in pixels: half the frame's, within these bounds."""

_SAME_COLOUR = 0.12
"""Difference of a pixel and its counterpart at which they are 37 % trusted to be the same."""

_RELATIVE, _INCONSISTENT = 0.01, 0.25
"""Threshold of |forward + backward|², relative to |flow|² and in square pixels of the search."""


@dataclass(frozen=True)
class Correspondence:
    """Counterparts in the frame before.

    Attributes:
        flow: To each pixel's counterpart, (1, 2, H, W): right and down, in pixels.
        trust: (1, 1, H, W): 1 where the counterpart is certainly the same point of the scene,
            0 where there is none.
    """

    flow: Tensor = field(repr=False)
    trust: Tensor = field(repr=False)


def flow_size(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width at which the flow between frames of a height and width is searched."""
    long_side = max(size)
    chosen = min(max(long_side // 2, _LEAST), _MOST, long_side)
    height, width = fit_size(size, chosen)
    return max(height, MIN_SIDE), max(width, MIN_SIDE)


def reduced(image: Tensor) -> Tensor:
    """A frame (1, 3, H, W) at the size at which flows are searched."""
    size = flow_size((image.shape[-2], image.shape[-1]))
    if size == tuple(image.shape[-2:]):
        return image
    return F.interpolate(image, size, mode="bilinear", antialias=True)


def find_correspondence(
    previous: Tensor, frame: Tensor, size: tuple[int, int], *, preset: str = "medium"
) -> Correspondence:
    """Counterparts of a frame's pixels in the previous frame.

    The flow is searched in both directions. A pixel is not trusted where the two disagree (as in
    Ruder et al. 2016, arXiv:1604.08610, with a margin instead of an edge), or where colours do.

    Args:
        previous: The frame before, as :func:`reduced` returns it.
        frame: The frame, of the same shape.
        size: Height and width of the frame before it was reduced.
        preset: See :func:`impasto.metrics.optical_flow.optical_flow`.

    Raises:
        OptionError: OpenCV is missing.
    """
    backward, forward = optical_flows(
        [(frame, previous), (previous, frame)], by=option("steady"), preset=preset
    )
    # In float32, unlike a metric: this is a third of the work otherwise.
    grid = sampling_grid(backward, is_exact=False)
    moved = _sampled(torch.cat([forward, previous], 1), grid)
    forth, before = moved[:, :2], moved[:, 2:]
    inside = (grid.abs() <= 1).all(-1)[:, None]
    trust = inside * _consistency(forth, backward) * _likeness(before, frame)
    return Correspondence(_enlarged_flow(backward, size), _enlarged(_softened(trust), size))


def _consistency(forth: Tensor, back: Tensor) -> Tensor:
    """1 where two flows lead back to the same pixel, 0 where they do not.

    Args:
        forth: The flow to the frame, sampled along the one back, (1, 2, H, W).
        back: The flow from the frame, of the same shape.
    """
    squares = (flow.square().sum(1, keepdim=True) for flow in (forth, back))
    threshold = _RELATIVE * sum(squares, torch.zeros_like(forth[:, :1])) + _INCONSISTENT
    off = (forth + back).square().sum(1, keepdim=True)
    return (1.5 - 0.5 * off / threshold).clamp(0, 1)


def _likeness(first: Tensor, second: Tensor) -> Tensor:
    """1 where the colours around a pixel are the same, (1, 1, H, W)."""
    difference = _blurred((first - second).abs().mean(1, keepdim=True))
    return (-(difference / _SAME_COLOUR).square()).exp()


def _sampled(x: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(x, grid, padding_mode="border", align_corners=False)


def _softened(trust: Tensor) -> Tensor:
    """Trust that ends before what is not trusted begins, without a hard edge."""
    return _blurred(-F.max_pool2d(-trust, 3, 1, 1))


def _blurred(x: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)


def _enlarged_flow(flow: Tensor, size: tuple[int, int]) -> Tensor:
    factors = [size[1] / flow.shape[-1], size[0] / flow.shape[-2]]
    return _enlarged(flow, size) * flow.new_tensor(factors)[:, None, None]


def _enlarged(x: Tensor, size: tuple[int, int]) -> Tensor:
    return x if tuple(x.shape[-2:]) == size else F.interpolate(x, size, mode="bilinear")

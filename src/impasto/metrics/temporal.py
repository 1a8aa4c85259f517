"""How steady the frames of a film are: the warping error, from frames and their optical flow.

A flow is (B, 2, H, W): how far each pixel's counterpart in the other frame lies to the right and
down, in pixels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import OptionError

WARPING, WARPING_CONTENT = "warping", "warping.content"
"""What tables call the warping error of results, and that of their contents."""

ABOUT = "squared difference from the frame before, warped by the contents' flow, where not occluded"
SOURCE = "Lai et al. 2018, arXiv:1808.00449; occlusion: Ruder et al. 2016, arXiv:1604.08610"

_RELATIVE, _MISSED, _STEEP = 0.01, 0.5, 0.002  # of Ruder et al.; the last two in px²


def warping_error(frame: Tensor, before: Tensor, forward: Tensor, backward: Tensor) -> Tensor:
    """Mean squared difference of a frame and the one before warped to it, (B,).

    E_warp of Lai et al. 2018, "Learning blind video temporal consistency", arXiv:1808.00449, over
    the pixels that :func:`occluded` leaves; as in the authors' evaluation code the mean is over
    channels, too. They warp each frame to the one before, here it is the other way round, so that
    every frame but the first has a figure. The error of a film is the mean over its frames.

    Args:
        frame: (B, 3, H, W), sRGB in [0, 1].
        before: The frame before it, of the same shape.
        forward: Flow from ``before`` to ``frame``, (B, 2, H, W).
        backward: Flow from ``frame`` to ``before``.

    Returns:
        In [0, 1], and NaN where nothing of the frame was to be seen before.

    Raises:
        OptionError: For frames and flows of different sizes.
    """
    sizes = [tuple(part.shape[-2:]) for part in (frame, before, forward, backward)]
    if len(set(sizes)) > 1:
        raise OptionError(
            f"Frame, frame before and their two flows are {', '.join(map(str, sizes))}: "
            "all must have the same size."
        )
    seen = ~occluded(forward, backward)
    error = (frame - warp(before, backward)).double().square().mean(1, keepdim=True)
    return ((error * seen).sum((1, 2, 3)) / seen.sum((1, 2, 3))).to(frame)


def warp(picture: Tensor, flow: Tensor) -> Tensor:
    """What a picture shows where the flow points to: (B, C, H, W), pixel x is that at x + flow(x).

    Bilinear, with places computed in float64; beyond its border the picture is continued by its
    outermost pixels.

    Args:
        picture: (B, C, H, W).
        flow: From the picture that is made to ``picture``, (B, 2, H, W).
    """
    warped = F.grid_sample(
        picture.double(), _places(flow), padding_mode="border", align_corners=False
    )
    return warped.to(picture)


def occluded(forward: Tensor, backward: Tensor) -> Tensor:
    """Which pixels of a frame have no sure counterpart in the one before: (B, 1, H, W), bool.

    Ruder, Dosovitskiy & Brox 2016, "Artistic style transfer for videos", arXiv:1604.08610. For the
    backward flow ŵ = (û, v̂) and the forward flow warped by it, w̃(x) = w(x + ŵ(x)), a pixel

    - was hidden where the way back and forth misses it: |w̃ + ŵ|² > 0.01 (|w̃|² + |ŵ|²) + 0.5,
    - is at a motion boundary where |∇û|² + |∇v̂|² > 0.01 |ŵ|² + 0.002, by forward differences,

    and, which they do not say, was outside where it comes from beyond the picture's edge.

    Args:
        forward: Flow from the frame before to the frame, (B, 2, H, W).
        backward: Flow from the frame to the one before.
    """
    back, forth = backward.double(), warp(forward.double(), backward)
    length = _squared(back)
    missed = _squared(forth + back) > _RELATIVE * (_squared(forth) + length) + _MISSED
    down = F.pad(back.diff(dim=-2), (0, 0, 0, 1))
    right = F.pad(back.diff(dim=-1), (0, 1))
    boundary = _squared(down) + _squared(right) > _RELATIVE * length + _STEEP
    outside = (_places(backward).abs() > 1).any(-1)[:, None]
    return missed | boundary | outside


def _places(flow: Tensor) -> Tensor:
    """Where pixels come from, (B, H, W, 2): right and down, the picture's edges at −1 and 1."""
    height, width = flow.shape[-2:]
    right, down = flow.double().unbind(1)
    x = torch.arange(width, dtype=torch.float64, device=flow.device) + right
    y = torch.arange(height, dtype=torch.float64, device=flow.device)[:, None] + down
    return torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)


def _squared(vectors: Tensor) -> Tensor:
    """|·|² of (B, 2, H, W), as (B, 1, H, W)."""
    return vectors.square().sum(1, keepdim=True)

"""Warping error: temporal stability of video frames, given their optical flow.

An optical flow is (B, 2, H, W): the offset to each pixel's counterpart in the other frame, right
and down, in pixels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.errors import OptionError
from impasto.runtime.devices import as_float64

WARPING, WARPING_CONTENT = "warping", "warping.content"
"""Names of the warping error of results, and of that of their contents."""

ABOUT = "squared difference from the previous frame, warped by the contents' flow, unless occluded"
SOURCE = "Lai et al. 2018, arXiv:1808.00449; occlusion: Ruder et al. 2016, arXiv:1604.08610"

_RELATIVE, _INCONSISTENT, _BOUNDARY = 0.01, 0.5, 0.002  # Ruder et al.; the last two in px²


def warping_error(frame: Tensor, previous: Tensor, forward: Tensor, backward: Tensor) -> Tensor:
    """Mean squared difference between a frame and the previous one warped to it, (B,).

    E_warp of Lai et al. 2018, "Learning blind video temporal consistency", arXiv:1808.00449, over
    the pixels that are not :func:`occluded`. As in the authors' evaluation code, the mean is over
    channels too. They warp each frame to the previous one; here it is the reverse, so that every
    frame but the first has a value. The error of a video is the mean over its frames.

    Args:
        frame: (B, 3, H, W), sRGB in [0, 1].
        previous: The previous frame, same shape.
        forward: Flow from ``previous`` to ``frame``, (B, 2, H, W).
        backward: Flow from ``frame`` to ``previous``, (B, 2, H, W).

    Returns:
        In [0, 1]; NaN if every pixel is occluded.

    Raises:
        OptionError: The sizes differ.
    """
    sizes = [tuple(part.shape[-2:]) for part in (frame, previous, forward, backward)]
    if len(set(sizes)) > 1:
        raise OptionError(
            f"Frame, previous frame and their two flows are {', '.join(map(str, sizes))}: "
            "all must have the same size."
        )
    visible = ~occluded(forward, backward)
    error = as_float64(frame - warp(previous, backward)).square().mean(1, keepdim=True)
    return ((error * visible).sum((1, 2, 3)) / visible.sum((1, 2, 3))).to(frame)


def warp(picture: Tensor, flow: Tensor) -> Tensor:
    """A picture sampled along a flow, (B, C, H, W): pixel x is ``picture`` at x + flow(x).

    Bilinear, in float64; beyond the border, the nearest border pixel is used.

    Args:
        picture: (B, C, H, W).
        flow: From the returned picture to ``picture``, (B, 2, H, W).
    """
    warped = F.grid_sample(
        as_float64(picture), sampling_grid(flow), padding_mode="border", align_corners=False
    )
    return warped.to(picture)


def occluded(forward: Tensor, backward: Tensor) -> Tensor:
    """Pixels of a frame without a reliable counterpart in the previous one, (B, 1, H, W), bool.

    Ruder, Dosovitskiy & Brox 2016, "Artistic style transfer for videos", arXiv:1604.08610. With the
    backward flow ŵ = (û, v̂) and the forward flow warped by it, w̃(x) = w(x + ŵ(x)), a pixel

    - is disoccluded where |w̃ + ŵ|² > 0.01 (|w̃|² + |ŵ|²) + 0.5,
    - is at a motion boundary where |∇û|² + |∇v̂|² > 0.01 |ŵ|² + 0.002, by forward differences.

    Pixels that come from outside of the picture count as well; the paper does not mention them.

    Args:
        forward: Flow from the previous frame to the frame, (B, 2, H, W).
        backward: Flow from the frame to the previous one, (B, 2, H, W).
    """
    back, forth = as_float64(backward), warp(as_float64(forward), backward)
    length = _squared_norm(back)
    threshold = _RELATIVE * (_squared_norm(forth) + length) + _INCONSISTENT
    disoccluded = _squared_norm(forth + back) > threshold
    down = F.pad(back.diff(dim=-2), (0, 0, 0, 1))
    right = F.pad(back.diff(dim=-1), (0, 1))
    boundary = _squared_norm(down) + _squared_norm(right) > _RELATIVE * length + _BOUNDARY
    outside = (sampling_grid(backward).abs() > 1).any(-1)[:, None]
    return disoccluded | boundary | outside


def sampling_grid(flow: Tensor, *, is_exact: bool = True) -> Tensor:
    """Sampling grid of a flow, (B, H, W, 2): x and y, the picture's edges at −1 and 1.

    Args:
        flow: (B, 2, H, W).
        is_exact: In float64, else in the flow's own type, to some 1e-4 pixels in float32.
    """
    height, width = flow.shape[-2:]
    right, down = (as_float64(flow) if is_exact else flow).unbind(1)
    x = torch.arange(width, dtype=right.dtype, device=right.device) + right
    y = torch.arange(height, dtype=down.dtype, device=down.device)[:, None] + down
    return torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)


def _squared_norm(vectors: Tensor) -> Tensor:
    """Squared length of vectors (B, 2, H, W), as (B, 1, H, W)."""
    return vectors.square().sum(1, keepdim=True)

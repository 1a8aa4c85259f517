"""Edges and fine detail: Sobel maps of a picture's luma, their differences, and one figure.

A style loss is blind to where strokes lie, and a content loss to what is finer than its features;
an edge map shows both at a glance: which lines of the photograph are still there, which the
painting has put in, and how much grain has come along.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.colour.spaces import to_yiq
from impasto.errors import ImageError, OptionError

STEP = 0.5
"""The value of an edge map at a clean step from black to white."""

LEAST_SIDE = 5
"""Pixels that a picture needs each way, for the reflection at its borders."""

_RADIUS = 4  # of the Gaussian of deviation 1: the rest of it is 6e-5
_SHOWN_AS_WHITE = STEP / 2  # the edges of photographs are soft: few are steeper


def luma(picture: Tensor) -> Tensor:
    """0.299 R + 0.587 G + 0.114 B of the gamma-encoded values (Rec. 601), (B, 1, H, W).

    Args:
        picture: (B, 3, H, W), sRGB in [0, 1].
    """
    return to_yiq(picture)[:, :1]


def edge_map(picture: Tensor) -> Tensor:
    """The steepness of the luma at each pixel: the length of its gradient after Sobel.

    The two kernels are divided by 8, so that a ramp which rises by s from pixel to pixel has the
    value s: 0 where the picture is flat, ``STEP`` at a clean step from black to white along rows
    or columns, √5/4 ≈ 0.56 at most. Beyond its border the picture is reflected.

    Args:
        picture: (B, 3, H, W), sRGB in [0, 1].

    Returns:
        (B, 1, H, W) in [0, √5/4].

    Raises:
        ImageError: For less than ``LEAST_SIDE`` pixels each way.
    """
    padded = F.pad(_checked(luma(picture)), (1, 1, 1, 1), mode="reflect")
    across = padded[..., 2:] - padded[..., :-2]
    along = padded[..., 2:, :] - padded[..., :-2, :]
    right = (across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]) / 8
    down = (along[..., :-2] + 2 * along[..., 1:-1] + along[..., 2:]) / 8
    return torch.hypot(right, down)


def edge_difference(result: Tensor, content: Tensor) -> Tensor:
    """Which edges a result has put in (above 0) and which it has lost (below): (B, 1, H, W).

    Args:
        result: (B, 3, H, W), sRGB in [0, 1].
        content: Of the same shape.

    Raises:
        OptionError: For pictures of different sizes.
    """
    if result.shape != content.shape:
        raise OptionError(
            f"Result and content differ, {tuple(result.shape)} and {tuple(content.shape)}: "
            "resize one of them."
        )
    return edge_map(result) - edge_map(content)


def high_frequency_energy(picture: Tensor) -> Tensor:
    """How much of a picture is finer than about five pixels, (B,): one figure for grain and lines.

    The mean square of what a Gaussian of deviation 1 px takes off the luma. A wave of amplitude A
    and f cycles a pixel has ½ A² (1 − exp(−2π²f²))²: all of it at the finest, half its amplitude
    at a period of 5.3 pixels. Unlike the mean of an edge map it also counts what alternates from
    pixel to pixel, to which the Sobel kernels are blind. 0 for a plain picture; ¼ for a chequer
    of black and white pixels; of the order of 0.001 for photographs and paintings at 512 px.

    Args:
        picture: (B, 3, H, W), sRGB in [0, 1].

    Raises:
        ImageError: For less than ``LEAST_SIDE`` pixels each way.
    """
    grey = _checked(luma(picture))
    offsets = torch.arange(-_RADIUS, _RADIUS + 1, dtype=grey.dtype, device=grey.device)
    weights = torch.exp(-offsets.square() / 2)
    weights = weights / weights.sum()
    padded = F.pad(grey, (_RADIUS,) * 4, mode="reflect")
    blurred = F.conv2d(F.conv2d(padded, weights.view(1, 1, -1, 1)), weights.view(1, 1, 1, -1))
    return (grey - blurred).double().square().mean((1, 2, 3)).to(grey)


def edge_picture(edges: Tensor) -> Tensor:
    """An edge map to look at, (B, 3, H, W): white from half of ``STEP`` on, black where flat."""
    return (edges / _SHOWN_AS_WHITE).clamp(0, 1).expand(-1, 3, -1, -1)


def difference_picture(difference: Tensor) -> Tensor:
    """A difference to look at, (B, 3, H, W): red where edges came, blue where they went."""
    strength = (difference / _SHOWN_AS_WHITE).clamp(-1, 1)
    came, went = strength.clamp(min=0), (-strength).clamp(min=0)
    return torch.cat([1 - went, 1 - came - went * 0.6, 1 - came], dim=1)


def _checked(grey: Tensor) -> Tensor:
    height, width = grey.shape[-2:]
    if min(height, width) < LEAST_SIDE:
        raise ImageError(
            f"A picture of {width}×{height} px is too small for its edges: it needs at least "
            f"{LEAST_SIDE} px each way."
        )
    return grey

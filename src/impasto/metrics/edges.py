"""Edges and fine detail: Sobel maps of the luma, their differences, and high-frequency energy.

A style loss ignores where strokes lie, a content loss what is finer than its features. Edge maps
show both: which lines of the photograph remain, which were added, and how much grain there is.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.colour.spaces import to_yiq
from impasto.errors import ImageError, OptionError
from impasto.runtime.devices import as_widest_float

STEP_EDGE = 0.5
"""Value of an edge map at a sharp step from black to white."""

MIN_SIDE = 5
"""Minimum side of a picture in pixels, for the reflection at its borders."""

_RADIUS = 4  # of the Gaussian with standard deviation 1; 6e-5 of its mass lies beyond
_WHITE_POINT = STEP_EDGE / 2  # edges of photographs are soft: few are steeper


def luma(picture: Tensor) -> Tensor:
    """Luma of Rec. 601: 0.299 R + 0.587 G + 0.114 B of gamma-encoded values, (B, 1, H, W).

    Args:
        picture: (B, 3, H, W), sRGB in [0, 1].
    """
    return to_yiq(picture)[:, :1]


def edge_map(picture: Tensor) -> Tensor:
    """Gradient magnitude of the luma by Sobel kernels, (B, 1, H, W).

    The kernels are divided by 8, so a ramp that rises by s per pixel has the value s. A sharp step
    from black to white along rows or columns has ``STEP_EDGE``. The border is reflected.

    Args:
        picture: (B, 3, H, W), sRGB in [0, 1].

    Returns:
        In [0, √5/4 ≈ 0.56].

    Raises:
        ImageError: A side is shorter than ``MIN_SIDE`` pixels.
    """
    padded = F.pad(_checked(luma(picture)), (1, 1, 1, 1), mode="reflect")
    across = padded[..., 2:] - padded[..., :-2]
    along = padded[..., 2:, :] - padded[..., :-2, :]
    right = (across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]) / 8
    down = (along[..., :-2] + 2 * along[..., 1:-1] + along[..., 2:]) / 8
    return torch.hypot(right, down)


def edge_difference(result: Tensor, content: Tensor) -> Tensor:
    """Edge map of the result minus that of the content, (B, 1, H, W): above 0 where edges are new.

    Args:
        result: (B, 3, H, W), sRGB in [0, 1].
        content: Same shape.

    Raises:
        OptionError: The sizes differ.
    """
    if result.shape != content.shape:
        raise OptionError(
            f"Result and content differ, {tuple(result.shape)} and {tuple(content.shape)}: "
            "resize one of them."
        )
    return edge_map(result) - edge_map(content)


def high_frequency_energy(picture: Tensor) -> Tensor:
    """Energy of detail finer than about five pixels, such as grain and lines, (B,).

    The mean square of the luma minus its Gaussian blur of standard deviation 1 px. A wave of
    amplitude A and f cycles per pixel has ½ A² (1 − exp(−2π²f²))². So the finest waves count fully,
    those of period 5.3 px with half their amplitude. Unlike the mean of an edge map, it also
    measures what alternates from pixel to pixel, to which Sobel kernels are blind.

    Args:
        picture: (B, 3, H, W), sRGB in [0, 1].

    Returns:
        0 for one colour, ¼ for a chequerboard of black and white pixels; about 0.001 for
        photographs and paintings at 512 px.

    Raises:
        ImageError: A side is shorter than ``MIN_SIDE`` pixels.
    """
    grey = _checked(luma(picture))
    offsets = torch.arange(-_RADIUS, _RADIUS + 1, dtype=grey.dtype, device=grey.device)
    weights = torch.exp(-offsets.square() / 2)
    weights = weights / weights.sum()
    padded = F.pad(grey, (_RADIUS,) * 4, mode="reflect")
    blurred = F.conv2d(F.conv2d(padded, weights.view(1, 1, -1, 1)), weights.view(1, 1, 1, -1))
    return as_widest_float(grey - blurred).square().mean((1, 2, 3)).to(grey)


def render_edges(edges: Tensor) -> Tensor:
    """An edge map (B, 1, H, W) as a picture (B, 3, H, W): white from half of ``STEP_EDGE`` on."""
    return (edges / _WHITE_POINT).clamp(0, 1).expand(-1, 3, -1, -1)


def render_edge_difference(difference: Tensor) -> Tensor:
    """A difference (B, 1, H, W) as a picture (B, 3, H, W): red for new edges, blue for lost."""
    strength = (difference / _WHITE_POINT).clamp(-1, 1)
    added, lost = strength.clamp(min=0), (-strength).clamp(min=0)
    return torch.cat([1 - lost, 1 - added - lost * 0.6, 1 - added], dim=1)


def _checked(grey: Tensor) -> Tensor:
    height, width = grey.shape[-2:]
    if min(height, width) < MIN_SIDE:
        raise ImageError(
            f"A picture of {width}×{height} px is too small for its edges: it needs at least "
            f"{MIN_SIDE} px each way."
        )
    return grey

"""The parts of one-pass networks: staged forward passes, normalization, reflection padding.

Instance normalization divides by the mean and deviation of a whole map, which a tile of the picture
does not know. So a forward pass is a generator (:data:`StagedForward`): it yields each map to be
normalized, receives the map's moments, and continues. The caller decides whose moments they are.
:func:`run_staged` sends those of the map itself (Ulyanov et al. 2016, arXiv:1607.08022); tiling
(:mod:`impasto.onepass.tiling`) sends those of all tiles together.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import NamedTuple, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.losses.moments import HALF_DTYPES, row_means, without_autocast
from impasto.networks.region_maps import StyleMap, as_tensor
from impasto.nn.convolution import convolve, is_fixed
from impasto.runtime.strips import strips
from impasto.runtime.tracing import needs_plain_operations


class Moments(NamedTuple):
    """Mean and mean square of each channel of a map (B, C, H, W): (B, C) each, float32."""

    mean: Tensor
    square: Tensor


StagedForward = Generator[Tensor, Moments, Tensor]
"""Yields maps (B, C, H, W) to be normalized, receives their moments, returns the picture."""

MomentFilter: TypeAlias = Callable[[int, Moments], Moments]
"""(number of the map, from 0; its moments) → the moments to normalize it by.

Frames of a video take moments that change slowly, so that what leaves the picture does not change
the colours of what stays.
"""


def own_moments(number: int, moments: Moments) -> Moments:
    """The filter that changes nothing: every map is normalized by its own moments."""
    return moments


EPSILON = 1e-5
"""Added to every variance, as in PyTorch's normalizations."""


def moments_of(x: Tensor) -> Moments:
    """The moments of a map (B, C, H, W)."""
    if needs_plain_operations():
        return Moments(x.float().mean((2, 3)), x.float().square().mean((2, 3)))
    # In float32 whatever the map is: a mean square less a squared mean cancels.
    with without_autocast(x):
        means, squares = [], []
        # With gradients one strip: the gradient of each would be a whole map, mostly zeros.
        needs_gradient = torch.is_grad_enabled() and x.requires_grad
        for (strip,) in [(x,)] if needs_gradient else strips(x):
            rows = strip.permute(0, 2, 3, 1)
            if strip.dtype in HALF_DTYPES and not needs_gradient:
                # Half the time of the other; the last digits are those of a map in half precision.
                copy = rows.float()
                means.append(copy.sum(2) / copy.shape[2])
                squares.append(copy.square_().sum(2) / copy.shape[2])
            else:
                means.append(row_means(rows.float()))
                squares.append(row_means(rows.float().square()))
        return Moments(torch.cat(means, 1).mean(1), torch.cat(squares, 1).mean(1))


def normalize(
    x: Tensor, moments: Moments, scale: StyleMap, shift: StyleMap, *, overwrite: bool = False
) -> Tensor:
    """``scale · (x − mean) / deviation + shift`` in one pass over the map.

    Args:
        x: (B, C, H, W).
        moments: Of the map that ``x`` is, or is a tile of.
        scale: γ, (B or 1, C) or a map (B, C, H, W).
        shift: β, of the same shape.
        overwrite: Write the result into ``x`` where gradients are disabled.
    """
    variance = (moments.square - moments.mean.square()).clamp_min(0)
    deviation = (variance + EPSILON).sqrt()
    mean, deviation = moments.mean[:, :, None, None], deviation[:, :, None, None]
    if torch.is_grad_enabled() or not overwrite:
        return _scaled(x, mean, as_tensor(scale) / deviation, as_tensor(shift)).to(x.dtype)
    maps = (values if values.ndim == 4 else as_tensor(values) for values in (scale, shift))
    for strip, *affine in strips(x, *maps):
        factor, shifts = (as_tensor(values) for values in affine)
        strip.copy_(_scaled(strip, mean, factor / deviation, shifts))
    return x


def instance_norm(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """:func:`normalize` by the map's own moments as one operation of a graph.

    Args:
        x: (B, C, H, W).
        scale: γ of one style, (1, C).
        shift: β, of the same shape.
    """
    return F.instance_norm(x.float(), weight=scale[0], bias=shift[0], eps=EPSILON).to(x.dtype)


def _scaled(x: Tensor, mean: Tensor, factor: Tensor, shift: Tensor) -> Tensor:
    """``factor · (x − mean) + shift``, in float32 for half precision."""
    if x.dtype in HALF_DTYPES:
        # The mean first: for a uniform map mean · factor is in the hundreds, too coarse in half.
        return torch.addcmul(shift, x - mean, factor)
    return torch.addcmul(shift - mean * factor, x, factor)


def run_staged(forward: StagedForward, filter_moments: MomentFilter = own_moments) -> Tensor:
    """The result of a staged forward pass.

    Args:
        forward: The pass.
        filter_moments: By default, every map is normalized by its own moments.
    """
    number = 0
    try:
        x = next(forward)
        while True:
            x = forward.send(filter_moments(number, moments_of(x)))
            number += 1
    except StopIteration as end:
        result: Tensor = end.value
        return result


def convolve_reflect(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    """A convolution with reflection padding, so that the picture has no dark rim.

    The padding is a separate step because PyTorch's own reflection padding of a convolution does
    not keep the channels-last layout.
    """
    if is_fixed(convolution):
        return convolve(convolution, x, padding="reflect")
    pad = after = convolution.kernel_size[0] // 2
    if needs_plain_operations():
        # Strided filters do not reach the last units; without them sizes are plain multiples.
        after = pad + 1 - convolution.stride[0]
    x = F.pad(x, (pad, after, pad, after), mode="reflect") if pad else x
    return F.conv2d(
        x, convolution.weight, convolution.bias, convolution.stride, groups=convolution.groups
    )

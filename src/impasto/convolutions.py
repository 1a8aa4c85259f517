"""3×3 convolutions of fixed filters, with border and rectifier in one step.

For where only the picture is moved, not the net: nothing is kept for the way back but a rectified
map itself, where torch keeps the padded input of every convolution too.
"""

from __future__ import annotations

from typing import Any, TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from impasto import winograd
from impasto.borders import folded, padded


class Convolution(nn.Conv2d):
    """A 3×3 convolution that keeps its filters as :mod:`impasto.winograd` wants them."""

    _made: tuple[object, Tensor] | None = None

    def transformed(self) -> Tensor:
        """The filters at the 36 points, made once for as long as they stay as they are."""
        weight = self.weight.detach()
        version = 0 if weight.is_inference() else self.weight._version
        state = weight.data_ptr(), version, weight.dtype, tuple(weight.shape)
        if self._made is None or self._made[0] != state:
            self._made = state, winograd.transform(weight)
        return self._made[1]


def is_fixed(layer: nn.Module) -> TypeGuard[Convolution]:
    """Whether a layer is a :class:`Convolution` whose filters need no gradient now."""
    if not isinstance(layer, Convolution) or torch.is_autocast_enabled(layer.weight.device.type):
        return False
    return not (torch.is_grad_enabled() and layer.weight.requires_grad)


def convolve(layer: Convolution, x: Tensor, *, padding: str, rectify: bool = False) -> Tensor:
    """A fixed convolution of stride one, its input padded, followed by a rectifier if told so.

    Args:
        layer: See :func:`is_fixed`.
        x: (B, C, H, W), H and W at least 2.
        padding: One of :data:`impasto.borders.BORDERS`.
        rectify: Whether what is below zero becomes zero.

    Returns:
        (B, C', H, W). With ``rectify``, its gradient needs it unchanged.
    """
    bias = None if layer.bias is None else layer.bias.detach()
    is_short = winograd.pays(layer.weight, x)
    filters = layer.transformed() if is_short else layer.weight.detach()
    result: Tensor = FixedConvolution.apply(x, filters, bias, padding, rectify)  # type: ignore[no-untyped-call]
    return result


class FixedConvolution(torch.autograd.Function):
    """The same from filters (C', C, 3, 3), or (36, C, C') as :mod:`impasto.winograd` wants them."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, filters: Tensor, bias: Tensor | None, padding: str, rectify: bool
    ) -> Tensor:
        """The map; only it and the filters are kept."""
        if filters.ndim == 3:
            out = winograd.convolve(x, filters, bias, padding=padding, rectify=rectify)
        else:
            out = _convolve(x, filters, bias, padding)
            if rectify:
                out.clamp_min_(0)
        ctx.save_for_backward(filters, *([out] if rectify else []))
        ctx.padding = padding
        return out

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator, no-untyped-call, unused-ignore]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of ``x`` alone."""
        filters, *kept = ctx.saved_tensors
        if kept:
            gradient = torch.ops.aten.threshold_backward(gradient, kept[0], 0)
        back = winograd.convolve_back if filters.ndim == 3 else _convolve_back
        return back(gradient, filters, padding=ctx.padding), None, None, None, None


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, padding: str) -> Tensor:
    if padding == "zeros":
        return F.conv2d(x, weight, bias, padding=1)
    return F.conv2d(padded(x, padding), weight, bias)


def _convolve_back(gradient: Tensor, weight: Tensor, *, padding: str) -> Tensor:
    if padding == "zeros":
        return F.conv_transpose2d(gradient, weight, padding=1)
    size = gradient.shape[-2], gradient.shape[-1]
    return folded(F.conv_transpose2d(gradient, weight), padding, size)

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
    if winograd.pays(layer.weight, x):
        return winograd.convolve(x, layer.transformed(), bias, padding=padding, rectify=rectify)
    weight = layer.weight.detach()
    result: Tensor = _Convolve.apply(x, weight, bias, padding, rectify)  # type: ignore[no-untyped-call]
    return result


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, padding: str, rectify: bool
    ) -> Tensor:
        if padding == "zeros":
            out = F.conv2d(x, weight, bias, padding=1)
        else:
            out = F.conv2d(padded(x, padding), weight, bias)
        if rectify:
            out.clamp_min_(0)
        ctx.save_for_backward(weight, *([out] if rectify else []))
        ctx.padding, ctx.size = padding, x.shape[-2:]
        return out

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator, no-untyped-call, unused-ignore]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        weight, *kept = ctx.saved_tensors
        if kept:
            gradient = torch.ops.aten.threshold_backward(gradient, kept[0], 0)
        if ctx.padding == "zeros":
            return F.conv_transpose2d(gradient, weight, padding=1), None, None, None, None
        back = folded(F.conv_transpose2d(gradient, weight), ctx.padding, ctx.size)
        return back, None, None, None, None

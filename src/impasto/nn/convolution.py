"""3×3 convolutions of fixed filters, with border and rectifier in one step.

For where only the picture is moved, not the net: nothing is kept for the way back but a rectified
map itself, where torch keeps the padded input of every convolution too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from impasto.nn import winograd
from impasto.nn.padding import folded, padded


class Convolution(nn.Conv2d):
    """A 3×3 convolution that keeps its filters in the other forms that are wanted of them."""

    _forms: tuple[object, dict[str, Tensor]] = None, {}

    def transformed(self) -> Tensor:
        """The filters at the 36 points of :mod:`impasto.nn.winograd`."""
        return self._kept("transformed", winograd.transform)

    def turned(self) -> Tensor:
        """The filters (C, C', 3, 3) with which the way back is a convolution, too."""
        return self._kept("turned", _turned)

    def _kept(self, name: str, make: Callable[[Tensor], Tensor]) -> Tensor:
        """Made once for as long as the filters stay as they are."""
        weight = self.weight.detach()
        version = 0 if weight.is_inference() else self.weight._version
        # Fused optimizers, ``.data`` and inference mode change them behind torch's counter.
        sums = float(weight.sum()), float(weight[:1].norm())
        state = weight.data_ptr(), version, sums, weight.dtype, tuple(weight.shape)
        known, made = self._forms
        if known != state:
            made = {}
            self._forms = state, made  # in one go: several threads may ask
        if name not in made:
            # What is made in inference mode could take part in no gradient later.
            with torch.inference_mode(False), torch.no_grad():
                made[name] = make(weight)
        return made[name]


def is_fixed(layer: nn.Module) -> TypeGuard[Convolution]:
    """Whether a layer is a :class:`Convolution` whose filters need no gradient now."""
    if not isinstance(layer, Convolution):
        return False
    device = layer.weight.device.type
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        return False
    learns = any(part is not None and part.requires_grad for part in (layer.weight, layer.bias))
    return not (torch.is_grad_enabled() and learns)


def convolve(layer: Convolution, x: Tensor, *, padding: str, rectify: bool = False) -> Tensor:
    """A fixed convolution of stride one, its input padded, followed by a rectifier if told so.

    Args:
        layer: See :func:`is_fixed`.
        x: (B, C, H, W), H and W at least 2.
        padding: One of :data:`impasto.nn.padding.BORDERS`.
        rectify: Whether what is below zero becomes zero.

    Returns:
        (B, C', H, W). With ``rectify``, its gradient needs it unchanged.
    """
    bias = None if layer.bias is None else layer.bias.detach()
    is_short = winograd.pays(layer.weight, x)
    filters = layer.transformed() if is_short else layer.weight.detach()
    turned = None
    if not is_short and x.requires_grad and torch.is_grad_enabled() and _turning_pays(filters, x):
        turned = layer.turned()
    result: Tensor = FixedConvolution.apply(x, filters, turned, bias, padding, rectify)  # type: ignore[no-untyped-call]
    return result


class FixedConvolution(torch.autograd.Function):
    """The same from filters (C', C, 3, 3), or (36, C, C') as :mod:`impasto.nn.winograd` wants them."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        filters: Tensor,
        turned: Tensor | None,
        bias: Tensor | None,
        padding: str,
        rectify: bool,
    ) -> Tensor:
        """The map; only it and the filters are kept."""
        if filters.ndim == 3:
            out = winograd.convolve(x, filters, bias, padding=padding, rectify=rectify)
        else:
            out = _convolve(x, filters, bias, padding)
            if rectify:
                out.clamp_min_(0)
        out = out.detach()  # no view, which in-place operations would not take
        ctx.save_for_backward(filters, turned, out if rectify else None)
        ctx.padding = padding
        return out

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator, no-untyped-call, unused-ignore]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of ``x`` alone."""
        filters, turned, kept = ctx.saved_tensors
        if kept is not None:
            gradient = torch.ops.aten.threshold_backward(gradient, kept, 0)
        if filters.ndim == 3:
            back = winograd.convolve_back(gradient, filters, padding=ctx.padding)
        else:
            back = _convolve_back(gradient, filters, turned, padding=ctx.padding)
        return back, None, None, None, None, None


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, padding: str) -> Tensor:
    if padding == "zeros":
        return F.conv2d(x, weight, bias, padding=1)
    return F.conv2d(padded(x, padding), weight, bias)


def _convolve_back(
    gradient: Tensor, weight: Tensor, turned: Tensor | None, *, padding: str
) -> Tensor:
    """The gradient of the input, by the transposed convolution or by one with turned filters."""
    if padding == "zeros":
        if turned is not None:
            return F.conv2d(gradient, turned, padding=1)
        return F.conv_transpose2d(gradient, weight, padding=1)
    if turned is not None:
        back = F.conv2d(F.pad(gradient, (2, 2, 2, 2)), turned)
    else:
        back = F.conv_transpose2d(gradient, weight)
    return folded(back, padding, (gradient.shape[-2], gradient.shape[-1]))


def _turned(weight: Tensor) -> Tensor:
    turned = weight.flip(2, 3).transpose(0, 1)
    return turned.contiguous(memory_format=torch.channels_last)


def _turning_pays(weight: Tensor, x: Tensor) -> bool:
    """Whether torch's convolution is quicker than its transpose: by a quarter to a third.

    Measured in float32 on two cores with AVX2, for the widths of our encoder and of VGG-19.
    """
    channels_out, channels_in = weight.shape[:2]
    is_wide = channels_in * channels_out >= 2**13 and x.shape[-2] * x.shape[-1] >= 2**11
    return x.device.type == "cpu" and (channels_in < 8 or is_wide)

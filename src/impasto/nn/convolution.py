"""3×3 convolutions with fixed filters, padding and ReLU in one step.

They serve painting by optimization, where the picture has a gradient and the filters have none. For
the backward pass only the output of a ReLU is kept. Torch would also keep the padded input of every
convolution.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from impasto.nn import winograd
from impasto.nn.padding import pad, pad_backward
from impasto.runtime.tracing import needs_plain_operations


class Convolution(nn.Conv2d):
    """A 3×3 convolution that caches the other forms of its filters that are needed."""

    _cache: tuple[object, dict[str, Tensor]] = None, {}

    def winograd_filters(self) -> Tensor:
        """The filters (36, C, C') transformed for :mod:`impasto.nn.winograd`."""
        return self._cached("winograd", winograd.transform)

    def flipped_filters(self) -> Tensor:
        """The filters (C, C', 3, 3) with which the backward pass is a convolution, too."""
        return self._cached("flipped", _flip)

    def _cached(self, form: str, compute: Callable[[Tensor], Tensor]) -> Tensor:
        """A form of the filters, computed again only after the filters have changed."""
        weight = self.weight.detach()
        version = 0 if weight.is_inference() else self.weight._version
        # Fused optimizers, ``.data`` and inference mode change filters without a new version.
        sums = float(weight.sum()), float(weight[:1].norm())
        state = weight.data_ptr(), version, sums, weight.dtype, tuple(weight.shape)
        cached_state, forms = self._cache
        if cached_state != state:
            forms = {}
            self._cache = state, forms  # in one assignment, as several threads may ask
        if form not in forms:
            # A tensor made in inference mode could not take part in a gradient later.
            with torch.inference_mode(False), torch.no_grad():
                forms[form] = compute(weight)
        return forms[form]


def is_fixed(layer: nn.Module) -> TypeGuard[Convolution]:
    """Whether a layer is a :class:`Convolution` whose filters need no gradient now."""
    if not isinstance(layer, Convolution) or needs_plain_operations():
        return False
    device = layer.weight.device.type
    if torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device):
        return False
    learns = any(part is not None and part.requires_grad for part in (layer.weight, layer.bias))
    return not (torch.is_grad_enabled() and learns)


def convolve(layer: Convolution, x: Tensor, *, padding: str, relu: bool = False) -> Tensor:
    """A fixed convolution of stride one with padding, optionally followed by ReLU.

    Args:
        layer: See :func:`is_fixed`.
        x: (B, C, H, W), H and W at least 2.
        padding: One of :data:`impasto.nn.padding.PADDING_MODES`.
        relu: Whether to apply ReLU. The gradient then needs the result unchanged.

    Returns:
        (B, C', H, W).
    """
    bias = None if layer.bias is None else layer.bias.detach()
    use_winograd = winograd.is_worthwhile(layer.weight, x)
    filters = layer.winograd_filters() if use_winograd else layer.weight.detach()
    flipped = None
    has_gradient = x.requires_grad and torch.is_grad_enabled()
    if has_gradient and not use_winograd and _flipped_is_faster(filters, x):
        flipped = layer.flipped_filters()
    result: Tensor = FixedConvolution.apply(x, filters, flipped, bias, padding, relu)  # type: ignore[no-untyped-call]
    return result


class FixedConvolution(torch.autograd.Function):
    """:func:`convolve` for filters (C', C, 3, 3), or (36, C, C') of :mod:`impasto.nn.winograd`."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        filters: Tensor,
        flipped: Tensor | None,
        bias: Tensor | None,
        padding: str,
        relu: bool,
    ) -> Tensor:
        """The result; only it (with ReLU) and the filters are kept."""
        if filters.ndim == 3:
            out = winograd.convolve(x, filters, bias, padding=padding, relu=relu)
        else:
            out = _convolve(x, filters, bias, padding)
            if relu:
                out.clamp_min_(0)
        out = out.detach()  # not a view, which in-place operations would refuse
        ctx.save_for_backward(filters, flipped, out if relu else None)
        ctx.padding = padding
        return out

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator, no-untyped-call, unused-ignore]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of ``x`` alone."""
        filters, flipped, activation = ctx.saved_tensors
        if activation is not None:
            gradient = torch.ops.aten.threshold_backward(gradient, activation, 0)
        if filters.ndim == 3:
            of_input = winograd.convolve_backward(gradient, filters, padding=ctx.padding)
        else:
            of_input = _convolve_backward(gradient, filters, flipped, padding=ctx.padding)
        return of_input, None, None, None, None, None


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, padding: str) -> Tensor:
    if padding == "zeros":
        return F.conv2d(x, weight, bias, padding=1)
    return F.conv2d(pad(x, padding), weight, bias)


def _convolve_backward(
    gradient: Tensor, weight: Tensor, flipped: Tensor | None, *, padding: str
) -> Tensor:
    """The input's gradient, by a transposed convolution or by one with flipped filters."""
    if padding == "zeros":
        if flipped is not None:
            return F.conv2d(gradient, flipped, padding=1)
        return F.conv_transpose2d(gradient, weight, padding=1)
    if flipped is not None:
        of_padded = F.conv2d(F.pad(gradient, (2, 2, 2, 2)), flipped)  # faster than padding=2
    else:
        of_padded = F.conv_transpose2d(gradient, weight)
    return pad_backward(of_padded, padding, (gradient.shape[-2], gradient.shape[-1]))


def _flip(weight: Tensor) -> Tensor:
    flipped = weight.flip(2, 3).transpose(0, 1)
    return flipped.contiguous(memory_format=torch.channels_last)


def _flipped_is_faster(weight: Tensor, x: Tensor) -> bool:
    """Whether torch's convolution beats its transposed one.

    Measured for the widths of our encoder and of VGG-19. With AVX2 in float32 it takes a sixth less
    time at 48×64 units. In bfloat16, and with 3 channels, padding costs more than that.
    """
    channels_out, channels_in = weight.shape[:2]
    is_wide = channels_in * channels_out >= 2**13 and x.shape[-2] * x.shape[-1] >= 2**11
    return x.device.type == "cpu" and weight.dtype == torch.float32 and is_wide

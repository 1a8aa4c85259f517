"""Total variation: the differences of neighbouring pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from impasto.errors import unknown_name
from impasto.runtime.strips import strip_elements


def _gradient_norm(down: Tensor, right: Tensor) -> Tensor:
    # Isotropic needs both differences at one pixel, so the last row and column are left out.
    square = down[..., :, :-1].square() + right[..., :-1, :].square()
    # The square root has an infinite slope at zero: a constant picture would have NaN gradients.
    tiny = torch.finfo(square.dtype).eps ** 2
    return (square + tiny).sqrt().flatten(1).sum(1)


def _sum(differences: Tensor) -> Tensor:
    return differences.flatten(1).sum(1)


_CHROMA = 7.0
"""Weight of differences of colour relative to those of lightness."""


class _WithChroma(torch.autograd.Function):
    """Σ g² + w Σ (d − g)² of differences d (B, C, H, W), g their mean over the channels.

    That is Σ d · (w d − (w − 1) g): a few passes, where automatic differentiation makes many.
    """

    @staticmethod
    def forward(ctx: Any, differences: Tensor) -> Tensor:
        grey = differences.mean(1, keepdim=True)
        weighted = torch.mul(differences, _CHROMA).sub_(grey, alpha=_CHROMA - 1)
        ctx.save_for_backward(weighted)
        value: Tensor = torch.linalg.vecdot(differences.flatten(1), weighted.flatten(1))
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor) -> Tensor:
        weighted: Tensor
        (weighted,) = ctx.saved_tensors
        return weighted * (2 * above.view(-1, 1, 1, 1))


def _with_chroma(differences: Tensor) -> Tensor:
    value: Tensor = _WithChroma.apply(differences)  # type: ignore[no-untyped-call]
    return value


VARIATIONS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    # Σ |x↓| + |x→|
    "l1": lambda down, right: _sum(down.abs()) + _sum(right.abs()),
    # Σ x↓² + x→²: what most style transfer code calls TV (β = 2 of Mahendran & Vedaldi 2015); here
    # anisotropic and isotropic are the same except in the last row and column.
    "squared": lambda down, right: _sum(down.square()) + _sum(right.square()),
    # The same, where differences of colour count more than those of lightness. Optimization leaves
    # fine noise in the picture. In lightness it passes for brushwork, in colour it is specks.
    "chroma-squared": lambda down, right: _with_chroma(down) + _with_chroma(right),
    # Σ √(x↓² + x→²): Rudin, Osher & Fatemi 1992.
    "isotropic": _gradient_norm,
    # Σ x↓² + x→² over the pixels that have both neighbours (Mahendran & Vedaldi, arXiv:1412.0035).
    "isotropic-squared": lambda down, right: (
        _sum(down[..., :, :-1].square()) + _sum(right[..., :-1, :].square())
    ),
}
"""Name → (differences down (B, C, H−1, W), differences right (B, C, H, W−1)) → sum (B,)."""


class _Differences(torch.autograd.Function):
    """Differences down and right; four additions in the backward pass where autograd makes ten."""

    @staticmethod
    def forward(ctx: Any, image: Tensor) -> tuple[Tensor, Tensor]:
        return image[..., 1:, :] - image[..., :-1, :], image[..., :, 1:] - image[..., :, :-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, down: Tensor, right: Tensor) -> Tensor:
        gradient = down.new_zeros((*right.shape[:-1], down.shape[-1]))
        gradient[..., 1:, :].add_(down)
        gradient[..., :-1, :].sub_(down)
        gradient[..., :, 1:].add_(right)
        gradient[..., :, :-1].sub_(right)
        return gradient


def total_variation(image: Tensor, kind: str = "squared", *, mean: bool = True) -> Tensor:
    """Sum of the differences of neighbouring pixels, (B,).

    Args:
        image: (B, C, H, W), at least 2×2 px.
        kind: Name in ``VARIATIONS``.
        mean: Divide by C·H·W, so that a weight means the same at every size; False gives the sum of
            the papers.

    Raises:
        OptionError: For an unknown kind.
    """
    if kind not in VARIATIONS:
        raise unknown_name("total variation", kind, VARIATIONS)
    if image.numel() <= strip_elements(image.device):
        value = VARIATIONS[kind](*_Differences.apply(image))  # type: ignore[no-untyped-call]
    else:
        value = _InStrips.apply(image, kind)  # type: ignore[no-untyped-call]
    return value / image[0].numel() if mean else value


class _InStrips(torch.autograd.Function):
    """The sum and its gradient strip by strip: differences take many times a picture's memory."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, kind: str) -> Tensor:
        needs_gradient, height = ctx.needs_input_grad[0], image.shape[-2]
        gradient = torch.zeros_like(image) if needs_gradient else None
        rows = max(2, strip_elements(image.device) * height // max(1, image.numel()))
        total = image.new_zeros(len(image))
        for first in range(0, height - 1, rows):
            last = min(first + rows, height - 1)
            part = slice(first, last + 1)
            seen = image[..., part, :].detach().requires_grad_(needs_gradient)
            with torch.set_grad_enabled(needs_gradient):
                down, right = _Differences.apply(seen)  # type: ignore[no-untyped-call]
                if last < height - 1:  # the next strip has the differences of the last row
                    right = F.pad(right[..., :-1, :], (0, 0, 0, 1))
                value = VARIATIONS[kind](down, right)
            total += value.detach()
            if gradient is not None:
                (slopes,) = torch.autograd.grad(value, seen, torch.ones_like(value))
                gradient[..., part, :] += slopes
        if gradient is not None:
            ctx.save_for_backward(gradient)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return above.view(-1, 1, 1, 1) * gradient, None

"""The content loss: squared errors of feature maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from impasto.errors import OptionError, unknown_name
from impasto.losses.moments import at_least_float32


def _relative(error: Tensor, target: Tensor) -> Tensor:
    energy = target.square().flatten(1).sum(1)
    return error / energy.clamp_min(torch.finfo(energy.dtype).tiny)


CONTENT_NORMALIZATIONS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    # ‖F − P‖² / ‖P‖²: the same at every size, layer and encoder.
    "relative": _relative,
    # ½ Σ (F − P)²: Gatys et al. 2015, arXiv:1508.06576, eq. 1.
    "gatys": lambda error, target: error / 2,
    # Σ (F − P)² / (4 n_H n_W n_C): a variant common in courses.
    "quarter": lambda error, target: error / (4 * target[0].numel()),
    # mean (F − P)²: common practice (``mse_loss``).
    "mean": lambda error, target: error / target[0].numel(),
}
"""Name → (squared error (B,), target (B, C, H, W)) → loss (B,)."""


def content_loss(features: Tensor, target: Tensor, normalization: str = "relative") -> Tensor:
    """Squared error of feature maps, normalized: (B,).

    Args:
        features: Of the picture, (B, C, H, W); half precision is summed in float32.
        target: Of the content, (B or 1, C, H, W).
        normalization: Name in ``CONTENT_NORMALIZATIONS``.

    Raises:
        OptionError: For an unknown normalization, or maps of different sizes.
    """
    if normalization not in CONTENT_NORMALIZATIONS:
        raise unknown_name("content normalization", normalization, CONTENT_NORMALIZATIONS)
    error = squared_error(features, target)
    return CONTENT_NORMALIZATIONS[normalization](error, at_least_float32(target))


def squared_error(features: Tensor, target: Tensor) -> Tensor:
    """Σ (F − P)², (B,); half precision is summed in float32.

    Raises:
        OptionError: For maps of different sizes.
    """
    if features.shape[1:] != target.shape[1:]:
        raise OptionError(
            f"The picture's features are {tuple(features.shape[1:])}, the content's "
            f"{tuple(target.shape[1:])}: both pictures must have the same size."
        )
    return (at_least_float32(features) - at_least_float32(target)).square().sum((1, 2, 3))

"""Content and style losses as figures: what painting minimizes, measured on finished pictures."""

from __future__ import annotations

from torch import Tensor

from impasto.losses import content, statistics


def content_error(result: Tensor, target: Tensor) -> Tensor:
    """‖F − P‖² / ‖P‖², (B,): the content loss of Gatys et al. (2016, CVPR) in relative units.

    Args:
        result: Features (B, C, H, W) of the result.
        target: Those of the content, of the same shape.

    Returns:
        0 for the content itself, 1 for features that are zero, and no upper end.
    """
    return content.content_loss(result, target)


def gram_error(result: Tensor, target: Tensor) -> Tensor:
    """‖G − A‖² / ‖A‖² of Gram matrices, (B,): Gatys et al. (2016, CVPR), in relative units.

    Args:
        result: Features (B, C, H, W) of the result.
        target: Those of the style, (B, C, H', W').

    Returns:
        0 for the same style, about 1 for an unrelated one, and no upper end.
    """
    return statistics.style_error("gram", result, target)


def moments_error(result: Tensor, target: Tensor) -> Tensor:
    """(‖μ − μ′‖² + ‖σ − σ′‖²) / (‖μ′‖² + ‖σ′‖²) of the channels, (B,): Li et al. 2017.

    The BN statistics of arXiv:1701.01036 and the style loss of AdaIN (arXiv:1703.06868), in
    relative units; arguments and range are those of :func:`gram_error`.
    """
    return statistics.style_error("moments", result, target)

"""Content and style losses as metrics of finished pictures, in relative units."""

from __future__ import annotations

from torch import Tensor

from impasto.losses import content, statistics
from impasto.metrics.registry import STYLE_LAYERS, Metric


def content_error(result: Tensor, target: Tensor) -> Tensor:
    """‖F − P‖² / ‖P‖², (B,): the content loss of Gatys et al. (2016, CVPR), relative.

    Args:
        result: Features of the result, (B, C, H, W).
        target: Features of the content, same shape.

    Returns:
        ≥ 0: 0 for the content itself, 1 for features that are all zero.
    """
    return content.content_loss(result, target)


def gram_error(result: Tensor, target: Tensor) -> Tensor:
    """‖G − A‖² / ‖A‖² of the Gram matrices, (B,): Gatys et al. (2016, CVPR), relative.

    Args:
        result: Features of the result, (B, C, H, W).
        target: Features of the style, (B, C, H', W').

    Returns:
        ≥ 0: 0 for the same style, about 1 for an unrelated one.
    """
    return statistics.style_error("gram", result, target)


def moments_error(result: Tensor, target: Tensor) -> Tensor:
    """(‖μ − μ′‖² + ‖σ − σ′‖²) / (‖μ′‖² + ‖σ′‖²) of the channels, (B,).

    BN statistics of Li et al. 2017 (arXiv:1701.01036) and style loss of AdaIN (arXiv:1703.06868),
    relative. Arguments and range are those of :func:`gram_error`.
    """
    return statistics.style_error("moments", result, target)


CONTENT = Metric(
    content_error,
    reference="content",
    better="lower",
    about="squared error of the features, relative",
    source="Gatys, Ecker & Bethge 2016, CVPR",
    layers=("relu4_1",),
)

GRAM = Metric(
    gram_error,
    reference="style",
    better="lower",
    about="squared error of the Gram matrices, relative, mean over layers",
    source="Gatys, Ecker & Bethge 2016, CVPR",
    layers=STYLE_LAYERS,
)

MOMENTS = Metric(
    moments_error,
    reference="style",
    better="lower",
    about="squared error of the channels' means and deviations, relative, mean over layers",
    source="Li et al. 2017, arXiv:1701.01036; Huang & Belongie 2017, arXiv:1703.06868",
    layers=STYLE_LAYERS,
)

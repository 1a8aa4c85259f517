"""CFSD: whether the positions of a picture that resembled each other still do."""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.errors import OptionError
from impasto.metrics.registry import Metric
from impasto.runtime.devices import as_widest_float

_ROWS_PER_CHUNK = 512  # 34 MB for each matrix of 16,384 positions
_LARGE_CHANGE = 10.0  # from here on the plain form is exact enough, and expm1 might overflow


def cfsd(result: Tensor, content: Tensor) -> Tensor:
    """Content feature structural distance, (B,).

    Chung, Hyun & Heo 2024, "Style Injection in Diffusion", arXiv:2312.09008. A softmax turns the
    similarities of each of the n positions to all positions into a distribution. Those of result
    and content are compared by KL(content ‖ result). As in the authors' evaluation code, features
    are divided by their number of channels first, and the n divergences are summed. So the value
    grows with the picture's size, and its scale depends on the encoder (theirs: VGG-19, relu3_1):
    compare at one size and with one encoder only.

    Args:
        result: Features of the result, (B, C, H, W).
        content: Features of the content, same shape.

    Returns:
        ≥ 0; 0 for the content itself.

    Raises:
        OptionError: The shapes differ.
    """
    if result.shape != content.shape:
        raise OptionError(
            f"The result's features are {tuple(result.shape)}, the content's "
            f"{tuple(content.shape)}: both pictures must have the same size."
        )
    pairs = zip(_vectors(result), _vectors(content), strict=True)
    return torch.stack([_divergence(*pair) for pair in pairs]).to(result)


def _vectors(features: Tensor) -> Tensor:
    """Feature vectors divided by the number of channels, (B, n, C)."""
    return features.flatten(2).mT / features.shape[1]


def _divergence(result: Tensor, content: Tensor) -> Tensor:
    """Sum of the KL divergences of the n rows; both arguments (n, C)."""
    total = as_widest_float(result.new_zeros(()))
    for start in range(0, len(result), _ROWS_PER_CHUNK):
        rows = slice(start, start + _ROWS_PER_CHUNK)
        logits = content[rows] @ content.mT
        change = result[rows] @ result.mT - logits
        probabilities = logits.softmax(1)
        change -= torch.linalg.vecdot(probabilities, change)[:, None]
        # KL = log Σ p exp(d) for the change d of the logits, with Σ p d = 0. In this form nothing
        # cancels: a row's divergence is about 1e-5, its log-probabilities are near −10.
        if change.max() < _LARGE_CHANGE:
            excess = torch.linalg.vecdot(probabilities, torch.expm1(change) - change)
            total += as_widest_float(excess).log1p().sum()
        else:
            total += (as_widest_float(logits).log_softmax(1) + change).logsumexp(1).sum()
    return total.clamp_min(0)


CFSD = Metric(
    cfsd,
    reference="content",
    better="lower",
    about="content feature structural distance: which positions resemble each other",
    source="Chung, Hyun & Heo 2024, arXiv:2312.09008",
    layers=("relu3_1",),
)

"""Which parts of a picture resemble which: CFSD."""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.errors import OptionError

_ROWS_AT_ONCE = 512  # 34 MB for each matrix of 16,384 positions
_MUCH = 10.0  # a change from which the plain form is exact enough, and this one might overflow


def cfsd(result: Tensor, content: Tensor) -> Tensor:
    """Content feature structural distance, (B,): how far what was alike still is.

    Chung, Hyun & Heo 2024, "Style Injection in Diffusion", arXiv:2312.09008: from the
    features of n positions, every position's similarities to all positions become a distribution
    by softmax, and those of result and content are compared by KL(content ‖ result). As in the
    authors' evaluation code, features are divided by their number of channels first, and the n
    divergences are added up; so it grows with the picture's size, and with another encoder than
    VGG-19 (relu3_1) its scale is another: compare at one size and one encoder.

    Args:
        result: Features (B, C, H, W) of the result.
        content: Those of the content, of the same shape.

    Returns:
        At least 0, and 0 for the content itself.

    Raises:
        OptionError: For features of different sizes.
    """
    if result.shape != content.shape:
        raise OptionError(
            f"The result's features are {tuple(result.shape)}, the content's "
            f"{tuple(content.shape)}: both pictures must have the same size."
        )
    pairs = zip(_vectors(result), _vectors(content), strict=True)
    return torch.stack([_divergence(*pair) for pair in pairs]).to(result)


def _vectors(features: Tensor) -> Tensor:
    """(B, n, C), over the number of channels."""
    return features.flatten(2).mT / features.shape[1]


def _divergence(result: Tensor, content: Tensor) -> Tensor:
    """Σ of the KL divergences of the n rows, of vectors (n, C)."""
    total = result.new_zeros((), dtype=torch.float64)
    for start in range(0, len(result), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        wanted = content[rows] @ content.mT
        change = result[rows] @ result.mT - wanted
        share = wanted.softmax(1)
        change -= torch.linalg.vecdot(share, change)[:, None]
        # KL = log Σ p exp(d) for the change d of the logits with Σ p d = 0. Written so, nothing
        # cancels: a row's divergence is some 1e-5, and the logarithms of its shares are near −10.
        if change.max() < _MUCH:
            excess = torch.linalg.vecdot(share, torch.expm1(change) - change)
            total += excess.double().log1p().sum()
        else:
            total += (wanted.double().log_softmax(1) + change).logsumexp(1).sum()
    return total.clamp_min(0)

"""Convolutions whose filters a style mixes from a few learnt ones.

A style vector that scales and shifts channels cannot turn or reshape strokes. So the filters are a
sum of K learnt ones, weighted by the style (conditional convolutions, Yang et al. 2019,
arXiv:1904.04971). Where one style paints the whole picture this costs nothing: the filters are
mixed once.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.nn.padding import pad


class FilterBank(nn.Module):
    """K sets of filters, of which the first counts fully and a style weighs the others.

    Args:
        count: K.
        before: Channels C of the input.
        after: Channels C' of the output.
        bias: Whether there is a bias, the same for every style.

    Attributes:
        weight: (K · C', C, 3, 3).
        bias: (C'), or None.
    """

    def __init__(self, count: int, before: int, after: int, *, bias: bool = False) -> None:
        super().__init__()
        self.count = count
        self.weight = nn.Parameter(torch.empty(count * after, before, 3, 3))
        self.bias = nn.Parameter(torch.zeros(after)) if bias else None
        if not self.weight.is_meta:
            nn.init.kaiming_normal_(self.weight, nonlinearity="linear")
            with torch.no_grad():
                self.weight[after:] *= 0.5

    @property
    def shares(self) -> int:
        """Numbers in a style vector: K − 1."""
        return self.count - 1

    def mixed(self, shares: Tensor) -> Tensor:
        """The filters (B, C', C, 3, 3) of styles' shares (B, K − 1).

        Shares are bounded by tanh: a style unlike all others does not make filters of any size.
        """
        first, *others = self.weight.chunk(self.count)
        bounded = shares.to(first.dtype).tanh()[:, :, None, None, None, None]
        for index, other in enumerate(others):
            first = first + bounded[:, index] * other
        return first if first.ndim == 5 else first[None]

    def forward(self, x: Tensor, shares: Tensor) -> Tensor:
        """Convolve maps with reflection padding.

        Args:
            x: (B, C, H, W).
            shares: (B or 1, K − 1), or maps (1, K − 1, H, W) where the style changes by place.

        Returns:
            (B, C', H, W).
        """
        x = _padded(x)
        if shares.ndim == 4:
            return self._by_place(x, shares)
        filters = self.mixed(shares)
        if len(filters) == 1:
            return F.conv2d(x, filters[0], self.bias)
        parts = [
            F.conv2d(one[None], filter_, self.bias) for one, filter_ in zip(x, filters, strict=True)
        ]
        return torch.cat(parts)

    def _by_place(self, x: Tensor, shares: Tensor) -> Tensor:
        """The result of each filter, mixed by place."""
        first, *others = self.weight.chunk(self.count)
        result = F.conv2d(x, first, self.bias)
        for share, weight in zip(shares.tanh().unbind(1), others, strict=True):
            result = result + share[:, None].to(result.dtype) * F.conv2d(x, weight)
        return result


def _padded(x: Tensor) -> Tensor:
    # Torch's own reflection padding has a gradient; ours is faster.
    return F.pad(x, (1, 1, 1, 1), mode="reflect") if torch.is_grad_enabled() else pad(x, "reflect")

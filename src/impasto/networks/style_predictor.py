"""Style vectors: read off a picture's statistics, or learnt one by one.

Ghiasi et al. 2017 (arXiv:1705.06830) predict all γ and β of a network from a style picture through
a second network. Here that network is small, since it is told the style in the very terms that the
result is judged by: the mean and the Gram matrix of the encoder's layers, the summary of the
``gaussian-ot`` statistic. Being means, summaries can be mixed, masked and summed over tiles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from impasto.losses.moments import Summary

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
"""The layers that a style is read off."""

_REACH = 4.0
"""Deviations from the mean style beyond which moments count no further. Paintings and photographs
keep within 3.5; of a picture of one colour some lie at 23, and noise would come of it."""


class StylePredictor(nn.Module):
    """The summaries of a style in, its style vector out.

    Channel by channel mean and deviation go in, and how channels occur together: the Gram matrix
    seen along a few learnt directions, k (k + 1) / 2 numbers a layer.

    Args:
        channels: Layer → its channels.
        outputs: Numbers in a style vector.
        directions: k.
        hidden: Width of the hidden layers.
    """

    centre: Tensor
    spread: Tensor

    def __init__(
        self, channels: Mapping[str, int], outputs: int, *, directions: int = 20, hidden: int = 256
    ) -> None:
        super().__init__()
        self.channels = dict(channels)
        self.directions, self.hidden = directions, hidden
        self.views = nn.ParameterDict(
            {
                name: nn.Parameter(torch.empty(width, min(directions, width)))
                for name, width in self.channels.items()
            }
        )
        moments = 2 * sum(self.channels.values())
        pairs = sum(k * (k + 1) // 2 for k in (view.shape[1] for view in self.views.values()))
        self.register_buffer("centre", torch.zeros(moments))
        self.register_buffer("spread", torch.ones(moments))
        self.first = nn.Linear(moments + pairs, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, outputs)
        if not self.last.weight.is_meta:  # see StyledNetwork.add_plain
            self._initialize()

    def _initialize(self) -> None:
        """Directions at right angles, and vectors near γ = 1 and β = 0 to begin with."""
        for view in self.views.values():
            nn.init.orthogonal_(view)
        nn.init.normal_(self.last.weight, std=0.1 * self.hidden**-0.5)
        nn.init.zeros_(self.last.bias)

    @property
    def layers(self) -> tuple[str, ...]:
        """The encoder's layers that a style is read off."""
        return tuple(self.channels)

    @torch.no_grad()
    def standardize(self, summaries: Sequence[Mapping[str, Summary]]) -> None:
        """Centre and scale the moments by those of some styles, one summary or batch each."""
        moments = torch.cat([self._moments(summary) for summary in summaries])
        self.centre.copy_(moments.mean(0))
        self.spread.copy_(moments.std(0) + 1e-3)

    def forward(self, summaries: Mapping[str, Summary]) -> Tensor:
        """Style vectors (B, outputs) of summaries: layer → ``mean`` (B, C), ``gram`` (B, C, C)."""
        moments = (self._moments(summaries) - self.centre) / self.spread
        moments = moments.clamp(-_REACH, _REACH)
        x = torch.cat([moments, self._pairs(summaries)], 1)
        x = nn.functional.silu(self.first(x))
        x = x + nn.functional.silu(self.second(x))
        result: Tensor = self.last(x)
        return result

    def _moments(self, summaries: Mapping[str, Summary]) -> Tensor:
        parts = []
        for name in self.channels:
            mean, gram = summaries[name]["mean"], summaries[name]["gram"]
            variance = gram.diagonal(dim1=-2, dim2=-1) - mean.square()
            parts += [_compressed(mean), (variance.clamp_min(0) + 1e-6).log() / 2]
        return torch.cat(parts, 1)

    def _pairs(self, summaries: Mapping[str, Summary]) -> Tensor:
        parts = []
        for name, view in self.views.items():
            gram = summaries[name]["gram"]
            size = gram.diagonal(dim1=-2, dim2=-1).mean(-1)[:, None, None] + 1e-6
            seen = view.T @ (gram / size) @ view
            row, column = torch.triu_indices(view.shape[1], view.shape[1])
            parts.append(_compressed(seen[:, row, column]))
        return torch.cat(parts, 1)


def _compressed(x: Tensor) -> Tensor:
    """A root with a sign, finite in its slope at zero: features span several orders of size."""
    return x / (x.abs() + 0.05).sqrt()

"""Style vectors predicted from the statistics of a style picture.

Ghiasi et al. 2017 (arXiv:1705.06830) predict all γ and β of a network from a style picture by a
second network. This one is small, because its input is what the result is judged by: the mean and
the Gram matrix of the encoder's layers, the summary of the ``gaussian-ot`` statistic. Summaries are
means, so they can be mixed, masked and summed over tiles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from impasto.losses.moments import Summary
from impasto.networks.base import StyleReader
from impasto.networks.colour_map import PALETTE_SIZE, palette_numbers
from impasto.networks.kind import check_sizes
from impasto.networks.styles import COLOURS
from impasto.networks.styles import STYLE_LAYERS as STYLE_LAYERS

_MAX_DEVIATIONS = 4.0
"""Bound of standardized moments. Paintings and photographs stay within 3.5; a picture of one colour
reaches 23, for which the prediction would be noise."""


class StylePredictor(StyleReader):
    """Predicts style vectors from summaries.

    Its input is the mean and deviation of each channel, and the Gram matrix projected onto a few
    learnt directions: k (k + 1) / 2 values per layer.

    Args:
        channels: Layer → its channels.
        outputs: Length of a style vector.
        directions: k.
        hidden: Width of the hidden layers.
        palette: How many of the last outputs are not predicted, but measured of the style's colours
            (see :mod:`impasto.networks.colour_map`): none or all nine.
    """

    centre: Tensor
    spread: Tensor

    def __init__(
        self, channels: Mapping[str, int], outputs: int, *, directions: int = 20, hidden: int = 256,
        palette: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.channels = dict(channels)
        self.directions, self.hidden, self.palette = directions, hidden, palette
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
        self.last = nn.Linear(hidden, outputs - palette)
        if not self.last.weight.is_meta:  # see StyledNetwork.add_plain
            self._initialize()

    def _initialize(self) -> None:
        """Orthogonal directions, and style vectors near γ = 1 and β = 0."""
        for view in self.views.values():
            nn.init.orthogonal_(view)
        nn.init.normal_(self.last.weight, std=0.1 * self.hidden**-0.5)
        nn.init.zeros_(self.last.bias)

    @property
    def layers(self) -> tuple[str, ...]:
        """See :class:`StyleReader`."""
        return (*self.channels, COLOURS) if self.palette else tuple(self.channels)

    @torch.no_grad()
    def standardize(self, summaries: Sequence[Mapping[str, Summary]]) -> None:
        """Set the centre and spread of the input moments from the summaries of some styles."""
        moments = torch.cat([self._moments(summary) for summary in summaries])
        self.centre.copy_(moments.mean(0))
        self.spread.copy_(moments.std(0) + 1e-3)

    def forward(self, summaries: Mapping[str, Summary]) -> Tensor:
        """See :class:`StyleReader`."""
        moments = (self._moments(summaries) - self.centre) / self.spread
        moments = moments.clamp(-_MAX_DEVIATIONS, _MAX_DEVIATIONS)
        x = torch.cat([moments, self._pairs(summaries)], 1)
        x = nn.functional.silu(self.first(x))
        x = x + nn.functional.silu(self.second(x))
        result: Tensor = self.last(x)
        if self.palette:
            result = torch.cat([result, palette_numbers(summaries[COLOURS])], 1)
        return result

    def describe(self) -> dict[str, Any]:
        """See :class:`StyleReader`."""
        sizes = {"channels": self.channels, "directions": self.directions, "hidden": self.hidden}
        return {**sizes, "palette": self.palette} if self.palette else sizes

    def _moments(self, summaries: Mapping[str, Summary]) -> Tensor:
        """Compressed means and log deviations, (B, 2 × all channels)."""
        parts = []
        for name in self.channels:
            mean, gram = summaries[name]["mean"], summaries[name]["gram"]
            variance = gram.diagonal(dim1=-2, dim2=-1) - mean.square()
            parts += [_signed_root(mean), (variance.clamp_min(0) + 1e-6).log() / 2]
        return torch.cat(parts, 1)

    def _pairs(self, summaries: Mapping[str, Summary]) -> Tensor:
        """Upper triangles of the projected Gram matrices, scaled by their mean diagonal."""
        parts = []
        for name, view in self.views.items():
            gram = summaries[name]["gram"]
            size = gram.diagonal(dim1=-2, dim2=-1).mean(-1)[:, None, None] + 1e-6
            projected = view.T @ (gram / size) @ view
            row, column = torch.triu_indices(view.shape[1], view.shape[1], device=projected.device)
            parts.append(_signed_root(projected[:, row, column]))
        return torch.cat(parts, 1)


def read_predictor(description: Any, outputs: int) -> StylePredictor:
    """The predictor of an untrusted description, on the current device, its weights not yet read.

    Raises:
        ValueError: For sizes that cannot be; other wrong descriptions raise other errors.
    """
    check_sizes(description)
    check_sizes(description["channels"])
    channels = {str(name): int(width) for name, width in description["channels"].items()}
    directions, hidden = int(description["directions"]), int(description["hidden"])
    palette = int(description.get("palette", 0))
    if palette not in (0, PALETTE_SIZE):
        raise ValueError("its palette has another size")
    if min([directions, hidden, *channels.values()] if channels else [0]) < 1:
        raise ValueError("its predictor has no size")
    return StylePredictor(channels, outputs, directions=directions, hidden=hidden, palette=palette)


def _signed_root(x: Tensor) -> Tensor:
    """A square root that keeps the sign, with a finite slope at zero.

    Features span several orders of magnitude.
    """
    return x / (x.abs() + 0.05).sqrt()

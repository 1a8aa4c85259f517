"""What of a one-pass model is exported: the painter and the reader of styles, as plain graphs.

Both take pictures of any size. The painter pads a picture to what its network needs, and crops the
result, within the graph. Styles are mixed within the graph, too.

| graph | inputs | output |
|---|---|---|
| painter | ``image`` (B, 3, H, W), ``styles`` (S, N), ``weights`` (S) | ``painted`` (B, 3, H, W) |
| reader | ``picture`` (1, 3, H, W) | ``style`` (1, N) |

Pictures are RGB in [0, 1], N is the network's ``style_size``.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from impasto.encoders.vgg import Encoder
from impasto.losses.moments import mean_and_gram
from impasto.networks.base import StyledNetwork, StyleReader
from impasto.networks.normalization import run_staged
from impasto.networks.styles import COLOURS
from impasto.runtime.tracing import plain_operations

_HEIGHT, _WIDTH = 97, 142
"""Of the pictures that graphs are recorded with: neither a multiple of a stride."""


@dataclass(frozen=True)
class Graph:
    """A graph to be recorded.

    Attributes:
        module: Computes it.
        inputs: Name → an example.
        dynamic: Name of an input → its dimensions of any size, with their names.
        output: Name of the result.
        output_dynamic: Its dimensions of any size, with their names.
    """

    module: nn.Module
    inputs: dict[str, Tensor]
    dynamic: dict[str, dict[int, str]]
    output: str
    output_dynamic: dict[int, str]

    def record(self) -> ExportedProgram:
        """The graph of plain operations, for inputs of any size."""
        shapes = {name: dict.fromkeys(dims, Dim.DYNAMIC) for name, dims in self.dynamic.items()}
        # With gradients networks compute nothing in place, which graphs cannot.
        with plain_operations(), torch.enable_grad():
            return torch.export.export(
                self.module, tuple(self.inputs.values()), dynamic_shapes=shapes, strict=False
            )


class Painter(nn.Module):
    """Paints pictures in a mixture of styles."""

    def __init__(self, network: StyledNetwork) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).cpu().float().eval().requires_grad_(False)

    def forward(self, image: Tensor, styles: Tensor, weights: Tensor) -> Tensor:
        """See the module; weights are ≥ 0 and scaled to sum to one."""
        network = self.network
        height, width = image.shape[-2:]
        shares = weights / weights.sum()
        style = (styles * shares[:, None]).sum(0, keepdim=True)
        padded = image
        for axis, length in ((2, height), (3, width)):
            whole = (length + network.stride - 1) // network.stride * network.stride
            padded = padded.index_select(axis, torch.arange(whole).clamp(max=length - 1))
        painted = run_staged(network.staged_forward(padded, network.split(style)))
        return painted[..., :height, :width]


class Reader(nn.Module):
    """Reads the style of a picture: the encoder, statistics of its features, and the predictor."""

    def __init__(self, encoder: Encoder, predictor: StyleReader) -> None:
        super().__init__()
        self.encoder = copy.deepcopy(encoder).cpu().float().frozen()
        self.predictor = copy.deepcopy(predictor).cpu().float().eval().requires_grad_(False)

    @property
    def layers(self) -> list[str]:
        """The encoder's layers that are read."""
        return [name for name in self.predictor.layers if name != COLOURS]

    def forward(self, picture: Tensor) -> Tensor:
        """See the module."""
        features = self.encoder(picture, self.layers)
        summaries = {name: mean_and_gram(map_, None) for name, map_ in features.items()}
        if COLOURS in self.predictor.layers:
            summaries[COLOURS] = mean_and_gram(picture, None)
        style: Tensor = self.predictor(summaries)
        return style


def painter_graph(network: StyledNetwork) -> Graph:
    """The graph of a network of any kind."""
    random = torch.Generator().manual_seed(0)
    size = {0: "batch", 2: "height", 3: "width"}
    return Graph(
        Painter(network),
        {
            "image": torch.rand(2, 3, _HEIGHT, _WIDTH, generator=random),
            "styles": torch.rand(3, network.style_size, generator=random),
            "weights": torch.rand(3, generator=random),
        },
        {"image": size, "styles": {0: "mixed"}, "weights": {0: "mixed"}},
        "painted",
        size,
    )


def reader_graph(encoder: Encoder, predictor: StyleReader) -> Graph:
    """The graph that reads styles with an encoder."""
    random = torch.Generator().manual_seed(0)
    return Graph(
        Reader(encoder, predictor),
        {"picture": torch.rand(1, 3, _HEIGHT, _WIDTH, generator=random)},
        {"picture": {2: "height", 3: "width"}},
        "style",
        {},
    )

"""A one-pass model: a network, where its style vectors come from, and a card."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from impasto.networks.base import StyledNetwork, StyleReader
from impasto.networks.registry import network_kind
from impasto.networks.styles import IDENTITY as IDENTITY


@dataclass
class OnePassModel:
    """A network and where its style vectors come from.

    Attributes:
        network: Paints.
        encoder: Name or file of the encoder that styles are read with, and whose losses trained the
            network.
        predictor: Computes style vectors from pictures' statistics; None for fixed styles.
        styles: Style vectors by name, (style_size,) each.
        card: Licence, data, recipe, metrics: text by key.
    """

    network: StyledNetwork
    encoder: str = "compact"
    predictor: StyleReader | None = None
    styles: dict[str, Tensor] = field(default_factory=dict)
    card: dict[str, str] = field(default_factory=dict)

    @property
    def style_names(self) -> list[str]:
        """The styles that the model knows by name."""
        return [name for name in self.styles if name != IDENTITY]

    def frozen(self) -> OnePassModel:
        """The model itself, in evaluation mode and without gradients."""
        for module in (self.network, self.predictor):
            if module is not None:
                module.eval().requires_grad_(False)
        return self


def new_model(kind: str, encoder: str, **sizes: Any) -> OnePassModel:
    """An untrained model without named styles.

    Args:
        kind: Name in :data:`impasto.networks.registry.NETWORKS`.
        encoder: Name or file of the encoder.
        sizes: Entries of the network's shape; the defaults of its kind otherwise.

    Raises:
        OptionError: For an unknown kind, or impossible sizes.
    """
    entry = network_kind(kind)
    network = entry.build(encoder, sizes)
    reader = None if entry.style_reader is None else entry.style_reader(network)
    return OnePassModel(network, encoder, reader)


def parameter_count(model: OnePassModel) -> int:
    """Number of values in the network, the predictor and the style vectors."""
    modules = [m for m in (model.network, model.predictor) if m is not None]
    count = sum(math.prod(p.shape) for module in modules for p in module.parameters())
    return count + sum(vector.numel() for vector in model.styles.values())

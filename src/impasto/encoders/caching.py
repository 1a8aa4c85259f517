"""An encoder that caches the features of recent images."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from impasto.encoders.protocol import Readout
from impasto.encoders.vgg import Encoder


class CachingEncoder(Encoder):
    """An encoder that keeps the features of the last images, unless they need gradients.

    Useful for studies: the targets of many recipes are features of the same few images.
    """

    def __init__(self, encoder: Encoder, *, capacity: int = 24) -> None:
        super().__init__(encoder.architecture)
        self.convolutions, self.readouts = encoder.convolutions, encoder.readouts
        self.mean, self.std = encoder.mean, encoder.std
        self._capacity = capacity
        self._linear_readouts = encoder.linear_readouts()
        self._cache: list[tuple[Tensor, frozenset[str], dict[str, Tensor]]] = []
        self.eval()

    def forward(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """See :meth:`Encoder.forward`."""
        names = self.check_layers(layers)
        if torch.is_grad_enabled() and image.requires_grad:
            return super().forward(image, names)
        for other, other_names, features in self._cache:
            # Compared where they are: one number leaves the device, not a picture.
            if other_names == names and other.shape == image.shape and torch.equal(other, image):
                return features
        with torch.no_grad():
            features = super().forward(image, names)
        self._cache = [*self._cache, (image.clone(), names, features)][-self._capacity :]
        return features

    def linear_readouts(self) -> dict[str, Readout]:
        """Those of the encoder: a painting with cached features takes the same steps."""
        return self._linear_readouts

"""An encoder that caches the features of recent images."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

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
        self._cache: dict[tuple[object, ...], dict[str, Tensor]] = {}
        self.eval()

    def forward(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        """See :meth:`Encoder.forward`."""
        names = self.check_layers(layers)
        if torch.is_grad_enabled() and image.requires_grad:
            return super().forward(image, names)
        key = (tuple(image.shape), hash(image.contiguous().cpu().numpy().tobytes()), names)
        if key not in self._cache:
            with torch.no_grad():
                self._cache[key] = super().forward(image, names)
            while len(self._cache) > self._capacity:
                del self._cache[next(iter(self._cache))]
        return self._cache[key]

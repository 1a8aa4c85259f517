"""An encoder that remembers the features of the pictures it has seen."""

from __future__ import annotations

import torch
from torch import Tensor

from impasto.encoders.vgg import Encoder


class CachingEncoder(Encoder):
    """An encoder that does not see one picture twice when it only looks (no gradients).

    The targets of many recipes are features of the same few pictures.

    Args:
        encoder: Whose weights are shared.
        most: Pictures remembered, the latest.
    """

    def __init__(self, encoder: Encoder, *, most: int = 24) -> None:
        super().__init__(encoder.architecture)
        self.convolutions, self.readouts = encoder.convolutions, encoder.readouts
        self.mean, self.std = encoder.mean, encoder.std
        self._most = most
        self._seen: dict[tuple[object, ...], dict[str, Tensor]] = {}
        self.eval()

    def forward(self, image: Tensor, layers: object) -> dict[str, Tensor]:
        """See :meth:`Encoder.forward`."""
        wanted = self.check_layers(layers)  # type: ignore[arg-type]
        if torch.is_grad_enabled() and image.requires_grad:
            return super().forward(image, wanted)
        key = (tuple(image.shape), hash(image.contiguous().numpy().tobytes()), frozenset(wanted))
        if key not in self._seen:
            with torch.no_grad():
                self._seen[key] = super().forward(image, wanted)
            while len(self._seen) > self._most:
                del self._seen[next(iter(self._seen))]
        return self._seen[key]

"""Pictures that go on where they end: seen wrapped around, right into left and bottom into top.

A texture whose loss is computed so has no border at all, and tiles a plane without a seam.
"""

from __future__ import annotations

from impasto.encoders.vgg import Encoder


class CircularEncoder(Encoder):
    """An encoder that sees a picture as one tile of an endless plane.

    Every convolution is padded with the other side of its own input. If the poolings divide the
    picture evenly, its features are to the last bit but rounding those of the middle tile of many.

    Args:
        encoder: Whose weights are used (shared, not copied).
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(encoder.architecture)
        self.convolutions, self.readouts = encoder.convolutions, encoder.readouts
        self.mean, self.std = encoder.mean, encoder.std
        self.train(encoder.training).requires_grad_(False)

    @property
    def padding(self) -> str:
        """The other side."""
        return "circular"

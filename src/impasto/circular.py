"""Pictures that go on where they end: seen wrapped around, right into left and bottom into top.

A texture whose loss is computed so has no border at all, and tiles a plane without a seam.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from impasto import images
from impasto.encoders import Encoder
from impasto.errors import unknown_name
from impasto.losses.variation import VARIATIONS
from impasto.preconditioning import Preconditioner
from impasto.terms import Features


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


class CircularVariation:
    """Total variation over all neighbours, those across the borders too.

    Args:
        weight: Of the term, per number of the picture.
        kind: See :func:`impasto.losses.variation.total_variation`.
    """

    layers = ("image",)

    def __init__(self, weight: float, kind: str = "squared") -> None:
        if kind not in VARIATIONS:
            raise unknown_name("total variation", kind, VARIATIONS)
        self._weight, self._kind = weight, kind

    def __call__(self, features: Features) -> dict[str, Tensor]:
        """``tv`` → weighted loss."""
        image = features["image"]
        down = image.roll(-1, -2) - image
        right = image.roll(-1, -1) - image
        # The kinds that need both differences leave the last column and row out: here, the zeros.
        value = VARIATIONS[self._kind](F.pad(down, (0, 1)), F.pad(right, (0, 0, 0, 1)))
        return {"tv": self._weight * (value / image[0].numel()).mean()}


class CircularPreconditioner(Preconditioner):
    """The same map for pictures that are wrapped around: waves that meet at the borders.

    Mirrored waves would move the two sides of a border independently of each other, and leave a
    step between them that many steps of the descent are needed to level.

    Args:
        size: Height and width of the picture.
        power: See :class:`impasto.preconditioning.Preconditioner`.
    """

    @staticmethod
    def _frequencies(size: tuple[int, int]) -> NDArray[np.float64]:
        """Of every wave, in half-periods per pixel: (H, W)."""
        down, right = (2 * np.fft.fftfreq(length) for length in size)
        frequencies: NDArray[np.float64] = np.hypot(down[:, None], right[None])
        return frequencies

    def __call__(self, noise: Tensor) -> Tensor:
        """The map of (1, 3, H, W); it is its own transpose."""
        if not self.power:
            return noise
        height, width = noise.shape[-2:]
        gain = torch.from_numpy(self._gain[:, : width // 2 + 1])
        waves = torch.fft.rfft2(self._coloured(noise.cpu())) * gain
        result: Tensor = torch.fft.irfft2(waves, s=(height, width))
        return result.to(noise.device)

    @property
    def moves_waves(self) -> bool:
        """No: the transform's waves are complex. A descent moves the noise itself."""
        return False

    def picture(self, waves: Tensor) -> Tensor:
        """The map itself."""
        return self(waves)

    def slope(self, gradient: Tensor) -> Tensor:
        """The map itself, which is symmetric."""
        return self(gradient)


def resize_circular(image: Tensor, size: tuple[int, int]) -> Tensor:
    """A picture (1, 3, H, W) of another size, whose borders are filtered across."""
    height, width = size
    nine = image.repeat(1, 1, 3, 3)
    return images.resize(nine, (3 * height, 3 * width))[..., height:-height, width:-width]

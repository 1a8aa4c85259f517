"""The preconditioner of pictures that tile: its waves are periodic."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impasto.optim.preconditioner import Preconditioner


class CircularPreconditioner(Preconditioner):
    """The same map for pictures that wrap around, by the Fourier transform.

    Mirrored waves would move the two sides of a border independently, and leave a step between them
    that takes many steps of the descent to level.
    """

    @staticmethod
    def _frequencies(size: tuple[int, int]) -> NDArray[np.float64]:
        """The frequency of every coefficient, in half-periods per pixel: (H, W)."""
        down, right = (2 * np.fft.fftfreq(length) for length in size)
        frequencies: NDArray[np.float64] = np.hypot(down[:, None], right[None])
        return frequencies

    def __call__(self, noise: Tensor) -> Tensor:
        """The map of white noise (1, 3, H, W); it is its own transpose."""
        if not self.power:
            return noise
        height, width = noise.shape[-2:]
        self._move_to(noise.device)
        spectrum = torch.fft.rfft2(self._mix_colours(noise)) * self._gain[:, : width // 2 + 1]
        result: Tensor = torch.fft.irfft2(spectrum, s=(height, width))
        return result

    @property
    def uses_dct(self) -> bool:
        """False: the Fourier transform is complex, so the parameters are the noise itself."""
        return False

    def to_pixels(self, coefficients: Tensor, *, overwrite: bool = False) -> Tensor:
        """The map itself, of white noise."""
        return self(coefficients)

    def pull_back(self, gradient: Tensor) -> Tensor:
        """The map itself, which is symmetric."""
        return self(gradient)

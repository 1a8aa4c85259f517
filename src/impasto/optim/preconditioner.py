"""A preconditioner with the statistics of photographs: low frequencies and lightness move most.

The pixels of a picture are strongly correlated. The amplitude of a photograph's frequencies falls
as 1/f (Field 1987), and its colours vary four times as much in lightness as in any other direction.
Descent on independent pixels ignores this: it fills a picture with fine coloured noise long before
its large shapes have moved. Descent on white noise z, which a power of that covariance maps to the
picture, takes it into account (Olah et al. 2017, "Feature Visualization", who use the full power
with Adam). The optimum is the same, only the path differs.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from impasto.optim.dct import dct_2d, inverse_dct_2d
from impasto.runtime.devices import CPU

_COLOUR_COVARIANCE = (
    (0.0526, 0.0472, 0.0422),
    (0.0472, 0.0519, 0.0476),
    (0.0422, 0.0476, 0.0518),
)
"""Covariance of red, green and blue (sRGB in [0, 1]) within a photograph: the mean over 200."""


class Preconditioner:
    """The symmetric linear map Σ^(power/2), Σ being the covariance of photographs.

    Its frequencies are those of the cosine transform, which treats a picture as mirrored at its
    borders, so that opposite borders are independent. The map preserves the mean square of white
    noise.

    An optimizer should use the DCT coefficients of the noise as its parameters. Because the
    transform is orthogonal, the descent is the same, but every picture and every gradient needs one
    transform instead of two.

    Args:
        size: Height and width of the picture.
        power: 0 is the identity; 1 scales every frequency and colour as photographs do. ½ was
            measured to be best: with 1, fine strokes come too late.
        device: Of the pictures, on which its tables are kept.
    """

    def __init__(self, size: tuple[int, int], power: float, device: torch.device = CPU) -> None:
        self.power = power
        # The mean (frequency 0) is scaled like the lowest frequency.
        gain = np.maximum(self._frequencies(size), 1 / max(size)) ** -power
        self._gain = torch.from_numpy((gain / np.sqrt(np.mean(gain**2))).astype(np.float32))
        values, vectors = np.linalg.eigh(np.array(_COLOUR_COVARIANCE))
        gains = values ** (power / 2)
        gains /= np.sqrt(np.mean(gains**2))
        self._colour_matrix = torch.from_numpy((vectors * gains) @ vectors.T).float()
        self._move_to(device)

    @property
    def uses_dct(self) -> bool:
        """Whether the parameters are DCT coefficients, low frequencies at the upper left."""
        return self.power > 0

    def __call__(self, noise: Tensor) -> Tensor:
        """The map of white noise (1, 3, H, W); it is its own transpose."""
        return self.to_pixels(dct_2d(noise)) if self.power else noise

    def to_pixels(self, coefficients: Tensor, *, overwrite: bool = False) -> Tensor:
        """The map of the white noise that has these DCT coefficients, both (1, 3, H, W).

        Args:
            coefficients: Of the noise.
            overwrite: Whether their memory may be used.
        """
        if not self.power:
            return coefficients
        self._move_to(coefficients.device)
        scaled = coefficients.mul_(self._gain) if overwrite else coefficients * self._gain
        return self._mix_colours(inverse_dct_2d(scaled, overwrite=True))

    def pull_back(self, gradient: Tensor) -> Tensor:
        """The transpose of :meth:`to_pixels`: from a gradient in pixels to one in coefficients."""
        if not self.power:
            return gradient
        self._move_to(gradient.device)
        return dct_2d(self._mix_colours(gradient), overwrite=True).mul_(self._gain)

    def _move_to(self, device: torch.device) -> None:
        self._gain = self._gain.to(device)
        self._colour_matrix = self._colour_matrix.to(device)

    def _mix_colours(self, picture: Tensor) -> Tensor:
        return torch.einsum("ij,bjhw->bihw", self._colour_matrix.to(picture.dtype), picture)

    @staticmethod
    def _frequencies(size: tuple[int, int]) -> NDArray[np.float64]:
        """The frequency of every coefficient, in half-periods per pixel: (H, W)."""
        down, right = (np.arange(length, dtype=np.float64) / length for length in size)
        return np.hypot(down[:, None], right[None])

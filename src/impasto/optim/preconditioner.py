"""Steps in the proportions of pictures: large in what is broad, small in what is fine or coloured.

The pixels of a picture are strongly correlated: the amplitude of a photograph's frequencies falls
as 1/f (Field 1987), and its colours vary four times as much in lightness as in anything else.
Descent on independent pixels knows nothing of that and fills a picture with fine coloured dust long
before its large forms have moved. Descent on white noise z, of which the picture is the image under
a power of that covariance, knows it (Olah et al. 2017, "Feature Visualization", who use the whole
power with Adam). The goal is the same; the way there is another.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_COLOURS = (
    (0.0526, 0.0472, 0.0422),
    (0.0472, 0.0519, 0.0476),
    (0.0422, 0.0476, 0.0518),
)
"""Covariance of red, green and blue (sRGB in [0, 1]) within a photograph: the mean over 200."""


class Preconditioner:
    """The symmetric linear map Σ^(power/2), Σ being the covariance of photographs.

    Frequencies are those of the cosine transform, which sees a picture mirrored at its borders, so
    that no border knows of the one across. The map keeps the mean square of white noise.

    A descent had better not move that noise but its waves: since the transform is orthogonal it
    goes the same way, and every picture and every slope costs one transform in place of two.

    Args:
        size: Height and width of the picture.
        power: 0 changes nothing; 1 gives every frequency and colour the step that photographs have
            of it; ½ was measured to be best: at 1 the fine strokes come too late.
    """

    def __init__(self, size: tuple[int, int], power: float) -> None:
        self.power = power
        # The mean (frequency 0) moves as the lowest frequency does.
        gain = np.maximum(self._frequencies(size), 1 / max(size)) ** -power
        self._gain = (gain / np.sqrt(np.mean(gain**2))).astype(np.float32)
        values, vectors = np.linalg.eigh(np.array(_COLOURS))
        gains = values ** (power / 2)
        gains /= np.sqrt(np.mean(gains**2))
        self._colours = torch.from_numpy((vectors * gains) @ vectors.T).float()

    @property
    def moves_waves(self) -> bool:
        """Whether what a descent moves are waves, the broadest at the upper left."""
        return self.power > 0

    def __call__(self, noise: Tensor) -> Tensor:
        """The map of (1, 3, H, W); it is its own transpose."""
        return self.picture(self._waves(noise)) if self.power else noise

    def picture(self, waves: Tensor) -> Tensor:
        """The map of white noise whose waves these are, both (1, 3, H, W)."""
        if not self.power:
            return waves
        return self._coloured(self._pixels(waves.cpu().numpy() * self._gain)).to(waves.device)

    def slope(self, gradient: Tensor) -> Tensor:
        """The gradient with respect to the waves, of that of the picture: the transposed map.

        Both (1, 3, H, W).
        """
        if not self.power:
            return gradient
        waves = self._waves(self._coloured(gradient.cpu()))
        waves *= torch.from_numpy(self._gain)
        return waves.to(gradient.device)

    def _coloured(self, picture: Tensor) -> Tensor:
        return torch.einsum("ij,bjhw->bihw", self._colours.to(picture.dtype), picture)

    @staticmethod
    def _frequencies(size: tuple[int, int]) -> NDArray[np.float64]:
        """Of every wave, in half-periods per pixel: (H, W)."""
        down, right = (np.arange(length, dtype=np.float64) / length for length in size)
        return np.hypot(down[:, None], right[None])

    @staticmethod
    def _waves(picture: Tensor) -> Tensor:
        """What a picture is made of, by the orthogonal cosine transform."""
        from scipy import fft  # imported here since it takes a tenth of a second

        pixels, workers = picture.cpu().numpy(), torch.get_num_threads()
        waves = fft.dctn(pixels, axes=(2, 3), norm="ortho", workers=workers)
        return torch.from_numpy(waves).to(picture.device)

    @staticmethod
    def _pixels(waves: NDArray[np.float32]) -> Tensor:
        """The picture on the CPU that is made of these waves, which are overwritten."""
        from scipy import fft

        workers = torch.get_num_threads()
        pixels = fft.idctn(waves, axes=(2, 3), norm="ortho", workers=workers, overwrite_x=True)
        return torch.from_numpy(pixels)


class CircularPreconditioner(Preconditioner):
    """The same map for pictures that are wrapped around: waves that meet at the borders.

    Mirrored waves would move the two sides of a border independently of each other, and leave a
    step between them that many steps of the descent are needed to level.

    Args:
        size: Height and width of the picture.
        power: See :class:`impasto.optim.preconditioner.Preconditioner`.
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

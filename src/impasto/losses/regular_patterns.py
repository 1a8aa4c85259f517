"""Regular patterns of a few pixels where a photograph is uniform: grids, dots, weaves.

What paints by features may match a style's fine texture in an even wall by one block of pixels,
repeated. The power of such a pattern is in few frequencies, that of strokes in many, most of them
lower. So in windowed cells the measure is √mean P² − mean P over the frequencies of some periods,
which is zero where the power P is uniform.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

CELL = 32
"""Side of a cell in pixels."""

STEP = 16
"""From cell to cell."""

LONGEST = 5.0
"""Of the periods that count, in pixels."""

SIGMA = 0.04
"""Deviation of the photograph in a cell at which a pattern counts e^−½."""

_EPSILON = 1e-14
"""Keeps the gradient of a root finite where there is no power at all."""


def uniformity(
    photograph: Tensor, cell: int = CELL, step: int = STEP, sigma: float = SIGMA
) -> Tensor:
    """How uniform each cell of a photograph is, (B, rows, columns): exp(−v / 2σ²), v its variance.

    Args:
        photograph: (B, 3, H, W) in [0, 1], no side shorter than a cell.
        cell: Side of a cell in pixels.
        step: From cell to cell.
        sigma: σ.
    """
    mean, square = (F.avg_pool2d(part, cell, step) for part in (photograph, photograph.square()))
    variance = (square - mean.square()).clamp_min(0).mean(1)
    return torch.exp(-variance / (2 * sigma**2))


def power_of_cells(picture: Tensor, cell: int = CELL, step: int = STEP) -> tuple[Tensor, Tensor]:
    """The power spectrum of each cell, (B, C, rows, columns, F), and its frequencies (F).

    A cell is taken less its mean, under a Hann window of unit energy. Frequencies are in cycles a
    pixel, whatever their direction.
    """
    return power(picture.unfold(-2, cell, step).unfold(-2, cell, step))


def windowed(cells: Tensor) -> tuple[Tensor, Tensor]:
    """Cells (…, N, N) less their means under a Hann window, and the window (N, N)."""
    hann = torch.hann_window(cells.shape[-1], dtype=cells.dtype, device=cells.device)
    window = hann[:, None] * hann
    return (cells - cells.mean((-2, -1), keepdim=True)) * window, window


def power(cells: Tensor) -> tuple[Tensor, Tensor]:
    """The power spectra (…, F) of cells (…, N, N), and their frequencies; see above."""
    side = cells.shape[-1]
    seen, window = windowed(cells)
    seen = seen / window.norm()
    spectrum = torch.view_as_real(torch.fft.rfft2(seen)).square().sum(-1).flatten(-2)
    return spectrum, _frequencies(side, cells.device).flatten()


def excess(spectra: Tensor, frequency: Tensor) -> Tensor:
    """√mean P² − mean P over the frequencies of periods up to ``LONGEST``: (…) of (…, F)."""
    chosen = (frequency >= 1 / LONGEST).to(spectra)
    mean, square = (part @ chosen / chosen.sum() for part in (spectra, spectra.square()))
    result: Tensor = (square + _EPSILON).sqrt() - mean
    return result


def regular_patterns(cells: Tensor, uniform: Tensor) -> Tensor:
    """The weighted sum over cells of their excess, averaged over the channels.

    Args:
        cells: (N, C, CELL, CELL).
        uniform: :func:`uniformity` of the photograph in each, (N).
    """
    found = excess(*power(cells)).mean(1)
    return (uniform * found).sum()


def regular_patterns_and_gradient(cells: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """:func:`regular_patterns` and its gradient in the cells, of their shape.

    Every step of a painting takes it, so it is written out: automatic differentiation takes twice
    as long.
    """
    side, weights = cells.shape[-1], (uniform / cells.shape[1])[:, None]
    seen, window = windowed(cells)
    scale = 1 / window.norm()
    spectra = torch.fft.rfft2(seen.mul_(scale))
    powers = (spectra.real * spectra.real).addcmul_(spectra.imag, spectra.imag)
    chosen = (_frequencies(side, cells.device) >= 1 / LONGEST).to(powers)
    chosen = chosen / chosen.sum()
    mean = powers.flatten(-2) @ chosen.flatten()
    square = powers.flatten(-2).square() @ chosen.flatten()
    root = (square + _EPSILON).sqrt()
    # The derivatives in the powers, times those of |S|². The inverse transform counts every column
    # twice but the first and the last (half a spectrum stands for all of it).
    counted = chosen.clone()
    counted[:, [0, -1]] *= 2
    slopes = powers.mul_((weights / root)[..., None, None]).sub_(weights[..., None, None])
    gradient = torch.fft.irfft2(spectra.mul_(slopes.mul_(counted)), (side, side), norm="forward")
    gradient = gradient.mul_(window * scale)
    gradient -= gradient.mean((-2, -1), keepdim=True)
    return ((root - mean) * weights).sum(), gradient


def _frequencies(side: int, device: torch.device) -> Tensor:
    """Of half a spectrum, in cycles a pixel whatever their direction: (N, N / 2 + 1)."""
    down, across = (axis(side, device=device) for axis in (torch.fft.fftfreq, torch.fft.rfftfreq))
    return torch.hypot(down[:, None], across)

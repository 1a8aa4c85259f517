"""Maximum mean discrepancies (MMD): distances between distributions, for a chosen kernel.

For a kernel k(x, y) = φ(x)ᵀφ(y) and feature vectors x of one picture, y of another,

    MMD² = E k(x, x′) + E k(y, y′) − 2 E k(x, y) = ‖E φ(x) − E φ(y)‖²

over all pairs of positions, pairs of a position with itself included (the biased or V-statistic of
Gretton et al. 2012, JMLR 13). So a summary is the mean of φ. The Gram loss is the MMD² of
k = (xᵀy)²: Li, Wang, Liu & Hou 2017, "Demystifying Neural Style Transfer", arXiv:1701.01036.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from impasto.losses.moments import (
    Summary,
    mean_and_gram,
    mean_vector,
    squared_norm,
    weighted_vectors,
)
from impasto.losses.registry import Statistic


def linear_summary(features: Tensor, weights: Tensor | None) -> Summary:
    """E f, for k(x, y) = xᵀy."""
    return {"mean": mean_vector(features, weights)}


def linear_distance(summary: Summary, target: Summary) -> Tensor:
    """‖μ − μ′‖² (Li et al. 2017)."""
    return squared_norm(summary["mean"] - target["mean"])


OFFSET = 0.5
"""The constant of the polynomial kernel, in units of the target's E‖f‖²."""


def poly_summary(features: Tensor, weights: Tensor | None) -> Summary:
    """E f fᵀ and E f, for k(x, y) = (xᵀy + c)²."""
    return mean_and_gram(features, weights)


def poly_distance(summary: Summary, target: Summary, offset: float = OFFSET) -> Tensor:
    """‖G − G′‖² + 2c ‖μ − μ′‖²: MMD² with (xᵀy + c)² = (xᵀy)² + 2c xᵀy + c² (Li et al. 2017).

    c has the unit of a squared feature. A fixed number would dominate for small features and vanish
    for large ones. With c = ``offset`` · E‖y‖² of the target, the distance scales with the fourth
    power of the features at any scale. An offset of one half gives the means the weight E‖y‖², so
    that their term is about as large as the Gram term if the features of a layer share a large
    mean.

    Args:
        summary: Of the picture.
        target: Of the style.
        offset: c divided by the target's E‖y‖², which is the trace of its Gram matrix; 0 leaves the
            distance of Gram matrices.
    """
    constant = offset * target["gram"].diagonal(dim1=-2, dim2=-1).sum(-1)
    means = squared_norm(summary["mean"] - target["mean"])
    return squared_norm(summary["gram"] - target["gram"]) + 2 * constant * means


WIDTHS = (1.0, 0.5, 0.25)
"""σ of the Gaussian kernels, of relative distances; each is half the one before."""

MIN_DIRECTIONS = 16
"""Random directions for maps of few channels; maps of more have one per channel."""

MIN_NORM = 1e-6
"""Lower bound of the norms of feature vectors, which keeps their logarithms finite."""

CHUNK = 4096
"""Positions processed at a time, so that the temporaries stay in the processor's cache."""


def rbf_summary(
    features: Tensor, weights: Tensor | None, directions: int | None = None, seed: int = 0
) -> Summary:
    """The mean of random Fourier features, for Gaussian kernels of relative distances.

        k(x, y) = ‖x‖ ‖y‖ · mean over σ of exp(−d²/2σ²),
        d² = ‖x/‖x‖ − y/‖y‖‖² + (ln ‖x‖ − ln ‖y‖)²,
        φ(f) = ‖f‖ · (cos wᵀz, sin wᵀz) / √(number of w),   z = (f/‖f‖, ln ‖f‖),   w ~ N(0, 1/σ²)

    Rahimi & Recht 2007, "Random Features for Large-Scale Kernel Machines". How this differs from
    exp(−‖x − y‖²/2σ²), and why:

    * Relative distances. A summary does not know which picture it will be compared with, so σ
      cannot be fitted to the features and must suit any scale. For near vectors d ≈ ‖x − y‖ / ‖x‖.
      If all features are scaled alike, every ln ‖f‖ shifts alike, d stays the same, and the MMD²
      grows with the square of the scale, like that of optimal transport.
    * Several σ. Between two pictures d is 0.1 to 1.3 from the first layer to the last. A narrow
      kernel does not distinguish far pictures from farther ones, a wide one compares little more
      than means. Among single widths, 1 approached the style at half the pace of the three
      together, and ¼ lost the content.
    * The factor ‖x‖ ‖y‖. It makes φ go to 0 with f at a bounded slope, although d has none at 0,
      and weights positions by their norms. All-zero features have an all-zero summary, so that the
      energy E k(y, y′), the unit of the relative loss, is the MMD² between the style and all-zero
      features. Without it (k ≤ 1) the Gram distance fell only a third to a half as far.
    * Pairs (cos, sin) instead of √2 cos(wᵀz + b). They need no b and have less variance, and a
      shift of ln ‖f‖ is a rotation, which leaves distances exactly the same. The widths share their
      directions, because cos 2x and sin 2x cost a few products, a new cosine tens of them.

    The kernel is characteristic away from 0: MMD = 0 only for equal distributions. The estimate
    from m directions is unbiased. It is a mean of m independent numbers between 0 and
    B = (E‖x‖ + E‖y‖)², so its error exceeds B √(ln(2/p) / 2m) with a probability of at most p
    (Hoeffding). Between a photograph and a painting the root mean square error was 5 to 16 % of
    MMD² at the default m and 3 to 10 % at four times as many. Pictures painted with sixteen times
    as many are no nearer to the style.

    Args:
        features: (B, C, H, W).
        weights: (B, 1, H, W) ≥ 0, or None.
        directions: m; see :func:`random_frequencies`.
        seed: See :func:`random_frequencies`.

    Returns:
        ``waves``: (B, 2 · number of widths, m).
    """
    vectors, shares = weighted_vectors(features, weights)
    squares = vectors.square().sum(-1, keepdim=True) + MIN_NORM**2
    norms = squares.sqrt()
    frequencies = random_frequencies(
        vectors.shape[-1], vectors.dtype, vectors.device, directions, seed
    )
    phases = (vectors / norms) @ frequencies[:-1] + 0.5 * squares.log() * frequencies[-1]
    amplitudes = norms / norms.shape[1] if shares is None else norms * shares
    waves: Tensor = _SumOfWaves.apply(phases.expand(len(amplitudes), -1, -1), amplitudes)  # type: ignore[no-untyped-call]
    return {"waves": waves / math.sqrt(len(WIDTHS) * frequencies.shape[1])}


def rbf_distance(summary: Summary, target: Summary) -> Tensor:
    """‖E φ(x) − E φ(y)‖², an estimate of MMD²."""
    return squared_norm(summary["waves"] - target["waves"])


@functools.lru_cache(maxsize=64)
def random_frequencies(
    channels: int,
    dtype: torch.dtype,
    device: torch.device,
    directions: int | None = None,
    seed: int = 0,
) -> Tensor:
    """Frequencies for the widest kernel, (channels + 1, directions): always the same numbers.

    Args:
        channels: Of the features; the last row belongs to ln ‖f‖.
        dtype: Of the result; the numbers are drawn in float64.
        device: Of the result.
        directions: How many; None for one per channel, at least ``MIN_DIRECTIONS``.
        seed: Of the random numbers.
    """
    # The cached tensor must be usable in autograd even if the first call is in inference mode.
    with torch.inference_mode(False):
        generator = torch.Generator().manual_seed(seed)
        count = directions or max(MIN_DIRECTIONS, channels)
        draw = torch.randn(channels + 1, count, generator=generator, dtype=torch.float64)
        return (draw / WIDTHS[0]).to(dtype).to(device)


class _SumOfWaves(torch.autograd.Function):
    """Σ over positions of amplitude · (cos, sin) of 1, 2, 4 times the phases: (B, 2 · widths, m).

    Computed in chunks, and again in the backward pass: keeping everything would need seven times
    the memory of the phases, and more time.
    """

    @staticmethod
    def forward(ctx: Any, phases: Tensor, amplitudes: Tensor) -> Tensor:
        ctx.save_for_backward(phases, amplitudes)
        sums = [
            torch.cat([amplitudes[:, part].mT @ wave for pair in octaves for wave in pair], 1)
            for part, octaves in _chunks(phases)
        ]
        return torch.stack(sums).sum(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, Tensor]:
        phases, amplitudes = ctx.saved_tensors
        grad_phases, grad_amplitudes = torch.zeros_like(phases), torch.zeros_like(amplitudes)
        rows = grad_output[:, :, None].unbind(1)  # (B, 1, m) each
        for part, octaves in _chunks(phases):
            grad_phase, grad_amplitude = grad_phases[:, part], grad_amplitudes[:, part]
            for octave, (cosine, sine) in enumerate(octaves):
                grad_cosine, grad_sine = rows[2 * octave], rows[2 * octave + 1]
                grad_amplitude += cosine @ grad_cosine.mT + sine @ grad_sine.mT
                grad_phase.addcmul_(cosine, grad_sine, value=2**octave)
                grad_phase.addcmul_(sine, grad_cosine, value=-(2**octave))
            grad_phase *= amplitudes[:, part]
        return grad_phases, grad_amplitudes


def _chunks(phases: Tensor) -> Iterator[tuple[slice, Iterator[tuple[Tensor, Tensor]]]]:
    """``CHUNK`` positions at a time, with their waves."""
    for first in range(0, phases.shape[1], CHUNK):
        part = slice(first, first + CHUNK)
        yield part, _octaves(phases[:, part])


def _octaves(phases: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Cosine and sine of the phases, then of 2, 4, … times the phases: a pair for each width."""
    cosine, sine = phases.cos(), phases.sin()
    yield cosine, sine
    for _ in WIDTHS[1:]:
        cosine, sine = 2 * cosine.square() - 1, 2 * cosine * sine
        yield cosine, sine


LINEAR = Statistic(
    linear_summary,
    linear_distance,
    "mean of each channel (MMD with the linear kernel)",
    "Li et al. 2017, arXiv:1701.01036",
)

POLY = Statistic(
    poly_summary,
    poly_distance,
    "Gram matrix and mean (MMD with a quadratic kernel)",
    "Li et al. 2017, arXiv:1701.01036",
    from_moments=dict,
)

RBF = Statistic(
    rbf_summary,
    rbf_distance,
    "the whole distribution (MMD with Gaussian kernels, by random Fourier features)",
    "Li et al. 2017, arXiv:1701.01036; Rahimi & Recht 2007",
)

"""Maximum mean discrepancies: distances between distributions, seen through a kernel.

For a kernel k(x, y) = φ(x)ᵀφ(y) and feature vectors x of one picture, y of another,

    MMD² = E k(x, x′) + E k(y, y′) − 2 E k(x, y) = ‖E φ(x) − E φ(y)‖²

over all pairs of positions, a position with itself too (the biased or V-statistic of Gretton et al.
2012, JMLR 13). So a summary is the mean of φ, and the Gram loss is the MMD² of k = (xᵀy)²: Li,
Wang, Liu & Hou 2017, "Demystifying Neural Style Transfer", arXiv:1701.01036.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from impasto.losses.moments import Summary, mean_and_gram, mean_vector, positions, squared_norm


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

    c has the unit of a squared feature. With a plain number it would decide the result for small
    features and vanish beside large ones. Here c = ``offset`` · E‖y‖² of
    the target, so that the whole scales with the fourth power of the features at any scale. One
    half makes the term of the means E‖y‖² ‖μ − μ′‖², of about the Gram term's size where a layer's
    features have a large mean in common.

    Args:
        summary: Of the picture.
        target: Of the style.
        offset: c over the target's E‖y‖², which is the trace of its Gram matrix; 0 leaves the
            distance of Gram matrices.
    """
    constant = offset * target["gram"].diagonal(dim1=-2, dim2=-1).sum(-1)
    means = squared_norm(summary["mean"] - target["mean"])
    return squared_norm(summary["gram"] - target["gram"]) + 2 * constant * means


WIDTHS = (1.0, 0.5, 0.25)
"""Of the Gaussian kernels, each half the one before; distances are relative ones."""

LEAST_DIRECTIONS = 16
"""Random directions for maps of few channels; with more, as many as channels."""

LEAST_LENGTH = 1e-6
"""Feature vectors are not taken for shorter, which keeps the logarithm finite."""

CHUNK = 4096
"""Positions worked on at once: what they need stays in the processor's cache."""


def rbf_summary(
    features: Tensor, weights: Tensor | None, directions: int | None = None, seed: int = 0
) -> Summary:
    """The mean of random Fourier features, for Gaussian kernels of relative distances.

        k(x, y) = ‖x‖ ‖y‖ · mean over σ of exp(−d²/2σ²),
        d² = ‖x/‖x‖ − y/‖y‖‖² + (ln ‖x‖ − ln ‖y‖)²,
        φ(f) = ‖f‖ · (cos wᵀz, sin wᵀz) / √(number of w),   z = (f/‖f‖, ln ‖f‖),   w ~ N(0, 1/σ²)

    Rahimi & Recht 2007, "Random Features for Large-Scale Kernel Machines". Where this leaves
    exp(−‖x − y‖²/2σ²), and why:

    * A summary does not know the picture it will be compared with, so σ cannot be fitted to the
      features and must fit them at any scale. Near each other, d ≈ ‖x − y‖ / ‖x‖: a distance in
      units of the features themselves. If all features grow alike, every ln ‖f‖ moves by the same,
      no d changes, and the distance grows with the square, as that of optimal transport does.
    * Several σ at once. Between the features of two pictures d is 0.1 to 1.3 from the first layer
      to the last; a narrow kernel alone sees no difference of far pictures from farther ones, a
      wide one alone little more than means. Painted with single widths, 1 came near the style at
      half the pace of the three together, and ¼ lost the content.
    * The factor ‖x‖ ‖y‖. φ goes to 0 with f at a bounded slope, though d has none at 0; dark
      positions count by what they are. It also gives nothing a meaning: all-zero features have an
      all-zero summary, so the energy E k(y, y′) is the MMD² of the style from a silent picture, the
      unit of the relative loss. Without it (k ≤ 1) the Gram distance fell a third to a half as far.
    * Pairs (cos, sin) instead of √2 cos(wᵀz + b): no b, less variance, and a shift of ln ‖f‖ is a
      rotation that leaves distances exactly as they are. The widths share their directions, since
      cos 2x and sin 2x cost a few products and a new cosine costs tens.

    The kernel is characteristic away from 0: MMD = 0 only for equal distributions. Its estimate by
    m directions is right on average and, being a mean of m independent numbers between 0 and
    B = (E‖x‖ + E‖y‖)², off by more than B √(ln(2/p) / 2m) with a chance of at most p (Hoeffding).
    Between a photograph and a painting the root mean square error was 5 to 16 % of MMD² at the m
    used, 3 to 10 % at four times as many, and pictures painted with sixteen times as many are no
    nearer.

    Args:
        features: (B, C, H, W).
        weights: (B, 1, H, W) ≥ 0, or None.
        directions: m, see :func:`random_frequencies`.
        seed: Likewise.
    """
    vectors, shares = positions(features, weights)
    squares = vectors.square().sum(-1, keepdim=True) + LEAST_LENGTH**2
    lengths = squares.sqrt()
    frequencies = random_frequencies(
        vectors.shape[-1], vectors.dtype, vectors.device, directions, seed
    )
    phases = (vectors / lengths) @ frequencies[:-1] + 0.5 * squares.log() * frequencies[-1]
    masses = lengths / lengths.shape[1] if shares is None else lengths * shares
    waves: Tensor = _MeanWaves.apply(phases.expand(len(masses), -1, -1), masses)  # type: ignore[no-untyped-call]
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
        dtype: Of the result; drawn in float64 whatever it is.
        device: Of the result.
        directions: How many; None for the number of channels, at least ``LEAST_DIRECTIONS``.
        seed: Of the draw.
    """
    with torch.inference_mode(False):  # or a first call within it would spoil all later gradients
        random = torch.Generator().manual_seed(seed)
        count = directions or max(LEAST_DIRECTIONS, channels)
        draw = torch.randn(channels + 1, count, generator=random, dtype=torch.float64)
        return (draw / WIDTHS[0]).to(dtype).to(device)


class _MeanWaves(torch.autograd.Function):
    """Σ over positions of mass · (cos, sin) of 1, 2, 4 times the phases: (B, 2 · widths, m).

    In chunks, and worked out again for the gradient: to keep it all would take seven times the
    memory of the phases, and more time.
    """

    @staticmethod
    def forward(ctx: Any, phases: Tensor, masses: Tensor) -> Tensor:
        ctx.save_for_backward(phases, masses)
        sums = [
            torch.cat([masses[:, part].mT @ wave for pair in octaves for wave in pair], 1)
            for part, octaves in _chunks(phases)
        ]
        return torch.stack(sums).sum(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        phases, masses = ctx.saved_tensors
        of_phases, of_masses = torch.zeros_like(phases), torch.zeros_like(masses)
        rows = gradient[:, :, None].unbind(1)  # (B, 1, m) each
        for part, octaves in _chunks(phases):
            slope, of_mass = of_phases[:, part], of_masses[:, part]
            for octave, (cosine, sine) in enumerate(octaves):
                by_cosine, by_sine = rows[2 * octave], rows[2 * octave + 1]
                of_mass += cosine @ by_cosine.mT + sine @ by_sine.mT
                slope.addcmul_(cosine, by_sine, value=2**octave)
                slope.addcmul_(sine, by_cosine, value=-(2**octave))
            slope *= masses[:, part]
        return of_phases, of_masses


def _chunks(phases: Tensor) -> Iterator[tuple[slice, Iterator[tuple[Tensor, Tensor]]]]:
    """Some positions at a time, with their waves."""
    for first in range(0, phases.shape[1], CHUNK):
        part = slice(first, first + CHUNK)
        yield part, _octaves(phases[:, part])


def _octaves(phases: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Cosine and sine of the phases, then of 2, 4, … times them: a pair for each width."""
    cosine, sine = phases.cos(), phases.sin()
    yield cosine, sine
    for _ in WIDTHS[1:]:
        cosine, sine = 2 * cosine.square() - 1, 2 * cosine * sine
        yield cosine, sine

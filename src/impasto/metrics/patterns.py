"""Regular patterns: what a network paints at the same places of a fixed lattice of pixels.

A network that works at an eighth or a sixteenth of the picture's size may repeat a dot, a blob or a
block every 8 or 16 pixels. Strokes have no such period.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from impasto.errors import ImageError, OptionError
from impasto.runtime.devices import as_float64

PERIODS = (8, 16)
"""Periods in pixels of the networks' coarse maps."""

VISIBLE = 2 / 255
"""Root mean square of the painted difference at which it counts half; less is hardly visible."""

_CELLS = 4  # least number of cells each way


def lattice_excess(result: Tensor, content: Tensor, period: int) -> Tensor:
    """How much more a painting changes at some places of a lattice than at others, (B,).

    The painted difference is result − content. Its means over windows of one cell (``period`` ×
    ``period`` pixels) are subtracted; the energy e² of the rest, summed over the channels, is
    divided by its mean over such windows plus ``VISIBLE``², so that edges and strong strokes count
    no more than others. The mean of this relative energy over all cells of the lattice, for each of
    the period² places in a cell, is the *profile*. Its standard deviation is 0 if all places are
    treated alike, and nearly the period for a dot of one pixel in each cell.

    Chance alone gives a small deviation too. So the mean of those for the two neighbouring periods,
    at which no network has a lattice, is subtracted.

    Args:
        result: (B, 3, H, W), sRGB in [0, 1].
        content: Same shape.
        period: In pixels, 3 or more.

    Returns:
        0 for the content itself, about 0 without a lattice (it may be negative), up to nearly
        ``period``.

    Raises:
        OptionError: The sizes differ, or the period is too short.
        ImageError: A side has fewer than four cells of ``period + 1`` pixels.
    """
    if result.shape != content.shape:
        raise OptionError(
            f"Result and content are {tuple(result.shape[-2:])} and {tuple(content.shape[-2:])}: "
            "both pictures must have the same size."
        )
    if period < 3:
        raise OptionError(f"The period of a lattice is 3 pixels or more, not {period}.")
    height, width = result.shape[-2:]
    least = _CELLS * (period + 1) + 2 * period
    if min(height, width) < least:
        raise ImageError(
            f"A picture of {width}×{height} px is too small for a lattice of {period} px: it needs "
            f"at least {least} px each way."
        )
    difference = as_float64(result) - as_float64(content)
    by_period = {n: _deviation(difference, n) for n in (period - 1, period, period + 1)}
    chance = (by_period[period - 1] + by_period[period + 1]) / 2
    return (by_period[period] - chance).to(result)


def _deviation(difference: Tensor, period: int) -> Tensor:
    """Standard deviation of the profile at one period, (B,)."""
    profile = lattice_profile(difference, period)
    return profile.var((1, 2), correction=0).sqrt()


def lattice_profile(difference: Tensor, period: int) -> Tensor:
    """Mean relative energy at each place of a cell, (B, period, period).

    Args:
        difference: Result − content, (B, C, H, W).
        period: Side of a cell in pixels.
    """
    fine = _centre(difference, period) - _window_means(difference, period)
    energy = fine.square().sum(1, keepdim=True)
    relative = _centre(energy, period) / (_window_means(energy, period) + VISIBLE**2)
    rows, columns = (length // period for length in relative.shape[-2:])
    whole = relative[:, 0, : rows * period, : columns * period]
    return whole.reshape(-1, rows, period, columns, period).mean((1, 3))


def _window_means(maps: Tensor, side: int) -> Tensor:
    """Means over all windows of ``side`` × ``side`` pixels that lie within the maps."""
    return F.avg_pool2d(F.avg_pool2d(maps, (side, 1), stride=1), (1, side), stride=1)


def _centre(maps: Tensor, side: int) -> Tensor:
    """The pixel at, or just before, the centre of each of these windows."""
    start = (side - 1) // 2
    height, width = (length - side + 1 for length in maps.shape[-2:])
    return maps[..., start : start + height, start : start + width]

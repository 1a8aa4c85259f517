"""Regular patterns against closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from helpers.random_inputs import smooth_picture
from impasto.losses.regular_patterns import (
    CELL,
    STEP,
    excess,
    power_of_cells,
    regular_patterns,
    uniformity,
)


def waves(period: float, size: int = 96) -> torch.Tensor:
    places = torch.arange(size, dtype=torch.float64)
    return (0.1 * torch.cos(2 * math.pi * places / period)).expand(1, 3, size, -1)


def test_the_power_of_a_cell_is_its_energy_under_the_window():
    """Parseval's theorem, for a picture of half of the frequencies' plane."""
    picture = torch.randn(1, 1, CELL, CELL, generator=torch.Generator().manual_seed(0)).double()
    power, frequency = power_of_cells(picture)
    hann = torch.hann_window(CELL, dtype=torch.float64)
    window = hann[:, None] * hann
    seen = (picture[0, 0] - picture.mean()) * window / window.norm()
    columns = torch.arange(CELL * (CELL // 2 + 1)) % (CELL // 2 + 1)
    twice = torch.where((columns == 0) | (columns == CELL // 2), 1.0, 2.0)
    assert float((power[0, 0, 0, 0] * twice).sum()) / CELL**2 == pytest.approx(
        float(seen.square().sum())
    )
    assert float(frequency.max()) == pytest.approx(0.5**0.5)


def test_a_flat_spectrum_has_no_excess_and_a_single_frequency_nearly_all():
    frequency = torch.linspace(0.2, 0.5, 100)
    flat = torch.full((100,), 3.0)
    assert float(excess(flat, frequency)) == pytest.approx(0, abs=1e-6)
    peak = torch.zeros(100)
    peak[50] = 100.0
    assert float(excess(peak, frequency)) == pytest.approx(10 - 1, rel=1e-5)


def test_only_short_periods_count_and_only_in_even_places():
    even = torch.full((1, 3, 96, 96), 0.5, dtype=torch.float64)
    uniform = uniformity(even)
    assert torch.equal(uniform, torch.ones(1, 5, 5, dtype=torch.float64))

    def measure(picture: torch.Tensor, weights: torch.Tensor) -> float:
        cells = picture.unfold(-2, CELL, STEP).unfold(-2, CELL, STEP)
        return float(regular_patterns(cells[0].movedim(0, 2).flatten(0, 1), weights.flatten()))

    grid, broad = (measure(even + waves(p), uniform) for p in (3, 16))
    assert measure(even, uniform) < 1e-5
    assert grid > 50 * broad
    busy = uniformity(smooth_picture(96, 96, seed=1).double())
    assert measure(even + waves(3), busy) < 0.2 * grid


def test_the_variance_of_a_cell_decides():
    """A picture of two halves: the cells between have a variance of a quarter of the contrast²."""
    picture = torch.full((1, 3, CELL, 3 * CELL), 0.5, dtype=torch.float64)
    picture[..., CELL + STEP :] += 0.1
    found = uniformity(picture)[0, 0]
    half = math.exp(-(0.05**2) / (2 * 0.04**2))
    expected = [1, 1, half, 1, 1]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))

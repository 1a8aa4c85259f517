"""Bands cover a map, each with the halo around it."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto.nn import bands
from impasto.nn.bands import plan_bands


@given(st.integers(1, 300), st.integers(1, 5000), st.sampled_from([0, 2, 4]))
def test_bands_cover_a_map(height, width, halo):
    planned = plan_bands((height, width), halo=halo)
    x = torch.arange(height).view(1, 1, height, 1)
    assert torch.equal(torch.cat([band.rows_of(x) for band in planned], 2), x)
    for band in planned:
        first, last = band.rows
        assert first % 2 == 0
        assert last > first
        assert band.outer_rows == (max(0, first - halo), min(height, last + halo))
        assert torch.equal(band.without_halo(band.with_halo(x)), band.rows_of(x))
        larger = torch.arange(4 * height).view(1, 1, 4 * height, 1)
        assert torch.equal(band.without_halo(band.with_halo(larger, 4), 4), band.rows_of(larger, 4))
    # No larger than the limit, except for rounding to even rows.
    heights = [last - first for first, last in (band.rows for band in planned)]
    assert max(heights) <= max(3, bands.MAX_UNITS / width + 2)
    assert (len(planned) == 1) == (height * width <= bands.MAX_UNITS or height < 4)

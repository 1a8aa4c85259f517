"""Bands make up a map, each with what lies around it."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto.nn import bands
from impasto.nn.bands import plan_bands
from impasto.runtime import strips as strips_module
from impasto.runtime.strips import strips


@given(st.integers(1, 300), st.integers(1, 5000), st.sampled_from([0, 2, 4]))
def test_bands_make_up_a_map(height, width, halo):
    planned = plan_bands((height, width), halo=halo)
    x = torch.arange(height).view(1, 1, height, 1)
    assert torch.equal(torch.cat([band.part(x) for band in planned], 2), x)
    for band in planned:
        first, last = band.rows
        assert first % 2 == 0
        assert last > first
        assert band.outer == (max(0, first - halo), min(height, last + halo))
        assert torch.equal(band.core(band.cut(x)), band.part(x))
        larger = torch.arange(4 * height).view(1, 1, 4 * height, 1)
        assert torch.equal(band.core(band.cut(larger, 4), 4), band.part(larger, 4))
    # No larger than asked for, but for rounding to even rows.
    heights = [last - first for first, last in (band.rows for band in planned)]
    assert max(heights) <= max(3, bands.LARGEST / width + 2)
    assert (len(planned) == 1) == (height * width <= bands.LARGEST or height < 4)


@given(st.lists(st.integers(1, 9), min_size=2, max_size=5), st.integers(1, 400))
def test_strips_make_up_a_map_and_what_goes_along(shape, numbers):
    before, strips_module.NUMBERS = strips_module.NUMBERS, numbers
    try:
        x = torch.rand(shape)
        single = torch.rand([*shape[:-2], 1, shape[-1]])
        parts = list(strips(x, 2 * x, single))
    finally:
        strips_module.NUMBERS = before
    assert torch.equal(torch.cat([part for part, _, _ in parts], -2), x)
    assert torch.equal(torch.cat([other for _, other, _ in parts], -2), 2 * x)
    assert all(torch.equal(other, single) for _, _, other in parts)
    rows = max(1, numbers * shape[-2] // x.numel())
    assert len(parts) == -(-shape[-2] // rows)

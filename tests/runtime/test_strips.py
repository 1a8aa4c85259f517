"""Strips cover a map together with the same rows of other maps."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from impasto.runtime import strips as strips_module
from impasto.runtime.strips import strips


@given(st.lists(st.integers(1, 9), min_size=2, max_size=5), st.integers(1, 400))
def test_strips_cover_a_map_and_its_companions(shape, elements):
    before, strips_module.STRIP_ELEMENTS = strips_module.STRIP_ELEMENTS, elements
    try:
        x = torch.rand(shape)
        single = torch.rand([*shape[:-2], 1, shape[-1]])
        parts = list(strips(x, 2 * x, single))
    finally:
        strips_module.STRIP_ELEMENTS = before
    assert torch.equal(torch.cat([part for part, _, _ in parts], -2), x)
    assert torch.equal(torch.cat([other for _, other, _ in parts], -2), 2 * x)
    assert all(torch.equal(other, single) for _, _, other in parts)
    rows = max(1, elements * shape[-2] // x.numel())
    assert len(parts) == -(-shape[-2] // rows)

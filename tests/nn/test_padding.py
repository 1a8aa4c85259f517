"""Padding of maps and its gradient."""

from __future__ import annotations

import pytest
import torch

from impasto.nn.padding import PADDING_MODES, pad, pad_backward


@pytest.mark.parametrize("padding", PADDING_MODES)
def test_the_gradient_is_the_transpose_of_padding(padding):
    x = torch.randn(2, 3, 4, 7, dtype=torch.float64)
    padded = pad(x, padding, (2, 1))
    assert padded.shape == (2, 3, 8, 10)
    y = torch.randn_like(padded)
    before = (padded * y).sum()
    torch.testing.assert_close((x * pad_backward(y, padding, (4, 7))).sum(), before)

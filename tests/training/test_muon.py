"""Muon: orthogonal updates, and that they learn."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from impasto.training.loop import cosine_rate
from impasto.training.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(16, 64), (64, 16), (8, 27), (32, 288), (1, 9), (5, 1)])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_orthogonal(shape, scale):
    matrix = scale * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    result = orthogonal(matrix)
    values = torch.linalg.svdvals(result)
    assert values.min() > 0.5
    assert values.max() < 1.5
    # The singular vectors stay: between them the result is diagonal, and positive.
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    between = left.T @ result @ right.T
    torch.testing.assert_close(between, between.diag().diag(), atol=1e-3, rtol=0)
    assert between.diag().min() > 0.5


def test_orthogonal_of_nothing_is_nothing():
    assert torch.equal(orthogonal(torch.zeros(4, 6)), torch.zeros(4, 6))


def test_muon_solves_least_squares_with_unequal_directions():
    """Inputs whose energies differ 400-fold: the weak directions are learnt too."""
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(200, 12, generator=random) * torch.logspace(0, -1.3, 12)
    exact = torch.randn(5, 12, generator=random)
    weight = nn.Parameter(torch.zeros(5, 12, 1, 1))
    muon = Muon([weight], lr=0.1)
    losses = []
    for index in range(300):
        error = inputs @ (weight.flatten(1) - exact).T
        losses.append(float(error.detach().square().mean()))
        (weight.grad,) = torch.autograd.grad(error.square().mean(), weight)
        muon.param_groups[0]["lr"] = cosine_rate(0.1, index, 300, warmup=1)
        muon.step()
    assert losses[-1] < 1e-4 * losses[0]
    assert (weight.flatten(1) - exact).abs().max() < 0.1


def test_muon_leaves_alone_what_has_no_gradient():
    weight = nn.Parameter(torch.ones(3, 4))
    Muon([weight], lr=0.1).step()
    assert torch.equal(weight, torch.ones(3, 4))


def test_first_update_of_muon_by_hand():
    """(1 + 0.95)·0.05 and so on are but a scale, which the orthogonal matrix has not."""
    gradient = torch.randn(4, 9, generator=torch.Generator().manual_seed(1))
    for shape, factor in (((4, 9), 1.0), ((9, 4), 1.5)):
        weight = nn.Parameter(torch.zeros(shape))
        weight.grad = gradient.view(shape).clone()
        Muon([weight], lr=0.1).step()
        expected = -0.1 * factor * orthogonal(gradient.view(shape))
        torch.testing.assert_close(weight.detach(), expected, atol=1e-5, rtol=0)

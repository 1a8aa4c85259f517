"""The term of training that keeps grids out of even places."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from conftest import smooth_picture
from impasto.train.terms import GridTerm

CELL, PERIOD = GridTerm.CELL, GridTerm.PERIOD


def loss(content, picture, weight=1.0):
    return GridTerm(content, weight)({"image": picture})["grid"]


def test_it_is_what_it_says():
    random = torch.Generator().manual_seed(1)
    content = 0.5 + 0.05 * torch.randn(2, 3, 2 * CELL + 5, CELL, generator=random).double()
    picture = torch.rand(content.shape, generator=random, dtype=torch.float64)
    total = []
    for batch, row in itertools.product(range(2), range(2)):
        rows = slice(row * CELL, (row + 1) * CELL)
        photo, made = content[batch, :, rows], picture[batch, :, rows]
        variance = photo.var((1, 2), unbiased=False).mean()
        spread = 0.0
        for down, right in itertools.product(range(PERIOD), repeat=2):
            place = made[:, down::PERIOD, right::PERIOD].mean((1, 2))
            spread += float((place - made.mean((1, 2))).square().sum())
        evenness = float(torch.exp(-variance / (2 * GridTerm.SIGMA**2)))
        total.append(evenness * spread / (3 * PERIOD**2))
    assert float(loss(content, picture, 3.0)) == pytest.approx(3 * sum(total) / 4, rel=1e-9)


def test_a_grid_costs_far_more_than_strokes_of_the_same_strength():
    sky = torch.full((1, 3, 4 * CELL, 4 * CELL), 0.6)
    random = torch.Generator().manual_seed(2)
    stripes = 0.1 * (-1.0) ** torch.arange(4 * CELL).div(2, rounding_mode="floor")
    grid = sky + stripes
    noise = torch.randn(sky.shape, generator=random)
    blurred = F.avg_pool2d(noise, 5, 1, 2)
    strokes = sky + 0.1 * blurred / blurred.std()
    assert float(loss(sky, grid)) == pytest.approx(0.01, rel=1e-3)
    assert float(loss(sky, grid)) > 20 * float(loss(sky, strokes))
    assert float(loss(sky, sky)) < 1e-12


def test_where_the_photograph_is_busy_nothing_is_said():
    busy = torch.rand(1, 3, CELL, CELL, generator=torch.Generator().manual_seed(3))
    grid = torch.zeros(1, 3, CELL, CELL)
    grid[..., ::PERIOD] = 1
    assert float(loss(busy, grid)) < 1e-6
    assert float(loss(torch.zeros_like(busy), grid)) > 0.1


def test_gradients_and_small_pictures():
    content, picture = (smooth_picture(CELL, 2 * CELL, seed=seed).double() for seed in (1, 2))
    small = picture[..., :8, :8].requires_grad_()
    assert float(loss(small.detach(), small)) == 0.0
    term = GridTerm(0.5 + 0.05 * content)
    leaf = picture.clone().requires_grad_()
    (slope,) = torch.autograd.grad(term({"image": leaf})["grid"], leaf)
    step = torch.zeros_like(leaf)
    step[0, 1, 5, 9] = 1e-4
    both = [float(term({"image": leaf.detach() + sign * step})["grid"]) for sign in (1, -1)]
    assert float(slope[0, 1, 5, 9]) == pytest.approx((both[0] - both[1]) / 2e-4, rel=1e-4)

"""Steps of the guided enlargement, against loops over pixels and against PyTorch's own filters."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.random_inputs import smooth_picture
from impasto.enlargement.steps import MARGIN, SHARPENINGS, doubled, refined, sharpened

SIMILAR = 0.004


def at(x: Tensor, row: int, column: int) -> Tensor:
    """(C,) of a pixel; outside the picture that of the nearest pixel."""
    height, width = x.shape[-2:]
    return x[0, :, min(max(row, 0), height - 1), min(max(column, 0), width - 1)]


def mean(
    painted: Tensor, guide: Tensor, here: Tensor, near: list[tuple[tuple[int, int], float]]
) -> Tensor:
    """The mean that the filters are defined by, at one pixel."""
    weights = torch.stack([
        nearness / (SIMILAR + (here - at(guide, *place)).square().sum()) ** 2
        for place, nearness in near
    ])  # fmt: skip
    colours = torch.stack([at(painted, *place) for place, _ in near], 1)
    return (colours * weights).sum(1) / weights.sum()


def step_picture(height: int, width: int, edge: int) -> Tensor:
    """(1, 3, H, W), dark on the left of a column and bright on the right."""
    picture = torch.full((1, 3, height, width), 0.1)
    picture[..., edge:] = 0.9
    return picture


def test_refining_is_the_mean_over_nine_neighbours():
    painted, guide, target = (smooth_picture(7, 9, seed=seed).double() for seed in (1, 2, 3))
    found = refined(painted, guide, target)
    for row, column in itertools.product(range(7), range(9)):
        near = [
            ((row + y, column + x), math.exp(-(y * y + x * x) / 2))
            for y, x in itertools.product((-1, 0, 1), repeat=2)
        ]
        expected = mean(painted, guide, at(target, row, column), near)
        torch.testing.assert_close(at(found, row, column), expected)


@pytest.mark.parametrize("size", [(10, 14), (9, 13)])
def test_doubling_is_the_mean_over_four_neighbours(size):
    painted, guide = (smooth_picture(5, 7, seed=seed).double() for seed in (1, 2))
    target = smooth_picture(*size, seed=3).double()
    found = doubled(painted, guide, target)
    assert found.shape == target.shape
    for row, column in itertools.product(range(size[0]), range(size[1])):
        rows = ((row // 2, 0.75), (row // 2 + (1 if row % 2 else -1), 0.25))
        columns = ((column // 2, 0.75), (column // 2 + (1 if column % 2 else -1), 0.25))
        near = [((y, x), a * b) for (y, a), (x, b) in itertools.product(rows, columns)]
        expected = mean(painted, guide, at(target, row, column), near)
        torch.testing.assert_close(at(found, row, column), expected)


def test_doubling_under_an_even_photograph_is_bilinear():
    painted = smooth_picture(12, 15, seed=1)
    even = [torch.full((1, 3, *size), 0.4) for size in ((12, 15), (24, 30))]
    expected = F.interpolate(painted, scale_factor=2, mode="bilinear")
    torch.testing.assert_close(doubled(painted, *even), expected, rtol=0, atol=1e-5)


def test_bands_do_not_show(monkeypatch):
    painted, guide, target = (smooth_picture(*size, seed=size[0]) for size in
                              ((20, 24), (20, 24), (40, 48)))  # fmt: skip
    whole = doubled(painted, guide, target)
    monkeypatch.setattr("impasto.enlargement.steps._BAND", 48)
    assert torch.equal(doubled(painted, guide, target), whole)


def test_an_edge_of_the_photograph_is_as_sharp_in_the_painting():
    """Also where it lies between two pixels of the small painting."""
    photo = step_picture(16, 32, edge=17)
    small = F.avg_pool2d(photo, 2)
    painted = 1 - small
    found = doubled(painted, small, photo)
    plain = F.interpolate(painted, scale_factor=2, mode="bilinear")
    assert float((found - (1 - photo)).abs().max()) < 0.05
    assert float((plain - (1 - photo)).abs().max()) > 0.3


def test_a_blurred_painting_gets_the_edge_back():
    photo = step_picture(9, 20, edge=10)
    blurred = F.avg_pool2d(F.pad(photo, (1, 1, 1, 1), mode="replicate"), 3, 1)
    found = refined(1 - blurred, blurred, photo)
    assert float((found - (1 - photo)).abs().mean()) < float((photo - blurred).abs().mean()) / 3


def test_a_pixel_unlike_all_others_stays_finite():
    photo = torch.zeros(1, 3, 16, 16)
    photo[..., 7, 7] = 1
    found = doubled(torch.full((1, 3, 8, 8), 0.3), torch.zeros(1, 3, 8, 8), photo)
    torch.testing.assert_close(found, torch.full_like(found, 0.3))


def test_the_texture_of_the_photograph_does_not_come_along():
    grain = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    even = torch.full((1, 3, 32, 32), 0.3)
    assert float(doubled(even, F.avg_pool2d(grain, 2), grain).std()) < 1e-6


def test_sharpening_makes_an_edge_steeper_without_overshoot():
    ramp = torch.linspace(-12, 12, 21).sigmoid().expand(1, 3, 30, 21)
    found = sharpened(sharpened(ramp))
    slopes = [float((x[..., 1:] - x[..., :-1]).max()) for x in (ramp, found)]
    assert slopes[1] > 1.15 * slopes[0]
    low, high = (-F.max_pool2d(-ramp, 3, 1, 1), F.max_pool2d(ramp, 3, 1, 1))
    assert bool((found >= low - 1e-6).all())
    assert bool((found <= high + 1e-6).all())
    torch.testing.assert_close(found[..., 10], ramp[..., 10])


def test_sharpening_leaves_even_areas_and_slopes():
    even = torch.full((1, 3, 12, 12), 0.6)
    torch.testing.assert_close(sharpened(even), even, rtol=0, atol=1e-6)
    slope = torch.linspace(0, 1, 24).expand(1, 3, 12, 24)
    inner = (..., slice(None), slice(5, -5))
    torch.testing.assert_close(sharpened(slope)[inner], slope[inner], rtol=0, atol=1e-5)


def test_the_margin_is_what_a_pixel_depends_on():
    """A change farther away than the margin changes nothing; one within it does."""

    def level(painted: Tensor) -> Tensor:
        guide = smooth_picture(40, 40, seed=2)
        for _ in range(SHARPENINGS):
            painted = sharpened(painted)
        return doubled(painted, guide, smooth_picture(80, 80, seed=3))

    painted = smooth_picture(40, 40, seed=1)
    changed = painted.clone()
    changed[..., :10] = changed[..., :10].flip(-2)
    difference = (level(changed) - level(painted)).abs().amax((0, 1, 2))
    assert float(difference[2 * (10 + MARGIN) :].max()) == 0
    assert float(difference[2 * 10 : 2 * (10 + MARGIN)].max()) > 0

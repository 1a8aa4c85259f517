"""The term that keeps an even sky even."""

import itertools
import math

import torch

from helpers.random_inputs import smooth_picture
from impasto.training.terms import SmoothnessTerm

CELL = SmoothnessTerm.CELL


def reference(picture, content):
    """The mean over pairs of cells, one by one."""
    rows, columns = (side // CELL for side in picture.shape[-2:])

    def cell(image, row, column):
        part = image[0, :, row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL]
        return part.double().mean((1, 2))

    total, count = 0.0, 0
    for row, column in itertools.product(range(rows), range(columns)):
        for lag, (down, right) in itertools.product(SmoothnessTerm.LAGS, ((1, 0), (0, 1))):
            other = row + lag * down, column + lag * right
            if other[0] < rows and other[1] < columns:
                of, far = (
                    float((cell(image, *other) - cell(image, row, column)).square().sum())
                    for image in (content, picture)
                )
                total += math.exp(-of / (2 * SmoothnessTerm.SIGMA**2)) * far
                count += 1
    return total / count


def test_it_is_the_mean_over_pairs_of_cells():
    content, picture = smooth_picture(96, 112, seed=1), smooth_picture(96, 112, seed=2)
    (loss,) = SmoothnessTerm(content, 3.0)({"image": picture}).values()
    assert abs(float(loss) - 3 * reference(picture, content)) < 1e-5 * float(loss)


def test_strokes_do_not_show_but_shades_do():
    sky = torch.full((1, 3, 96, 96), 0.5)
    strokes = sky + 0.2 * (torch.arange(96) % 4 < 2).float() - 0.1
    shade = sky + 0.2 * torch.linspace(-1, 1, 96)
    term = SmoothnessTerm(sky)
    assert float(term({"image": strokes})["even"]) < 1e-12
    assert float(term({"image": shade})["even"]) > 1e-3


def test_what_differs_in_the_photograph_may_differ():
    edge = torch.zeros(1, 3, 32, 32)
    edge[..., 16:] = 0.5
    recoloured = 1 - edge
    assert float(SmoothnessTerm(edge)({"image": recoloured})["even"]) < 1e-12
    assert float(SmoothnessTerm(torch.zeros_like(edge))({"image": recoloured})["even"]) > 0.1


def test_a_picture_too_small_for_pairs_costs_nothing():
    for side in (10, 20):
        small = torch.rand(2, 3, side, side)
        assert float(SmoothnessTerm(torch.rand(2, 3, side, side))({"image": small})["even"]) == 0.0


def test_gradients_are_those_of_finite_differences():
    content = smooth_picture(34, 50, seed=3).double()
    picture = smooth_picture(34, 50, seed=4).double().requires_grad_()
    term = SmoothnessTerm(content)
    loss = term({"image": picture})["even"]
    (gradient,) = torch.autograd.grad(loss, picture)
    step = 1e-4 * torch.randn(picture.shape, dtype=torch.float64)
    ends = [term({"image": picture.detach() + s * step})["even"] for s in (1, -1)]
    torch.testing.assert_close((gradient * step).sum(), (ends[0] - ends[1]) / 2)

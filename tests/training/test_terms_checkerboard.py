"""The term of training that keeps grids, dots and weaves out of even places."""

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from helpers.random_inputs import smooth_picture
from impasto.losses.regular_patterns import LONGEST
from impasto.training.terms import CheckerboardTerm

CELL, STEP = CheckerboardTerm.CELL, CheckerboardTerm.STEP


def loss(content, picture, weight=1.0):
    return CheckerboardTerm(content, weight)({"image": picture})["grid"]


def test_it_is_what_it_says():
    random = torch.Generator().manual_seed(1)
    content = 0.5 + 0.05 * torch.randn(2, 3, CELL + STEP + 5, CELL, generator=random).double()
    picture = torch.rand(content.shape, generator=random, dtype=torch.float64)
    hann = np.array([math.sin(math.pi * place / CELL) ** 2 for place in range(CELL)])
    window = np.outer(hann, hann)
    frequencies = np.fft.fftfreq(CELL)
    total = []
    for batch, row in itertools.product(range(2), range(2)):
        rows = slice(row * STEP, row * STEP + CELL)
        photo, made = content[batch, :, rows].numpy(), picture[batch, :, rows].numpy()
        evenness = math.exp(-np.mean(photo.var((1, 2))) / (2 * CheckerboardTerm.SIGMA**2))
        for channel in made:
            waves = np.fft.fft2((channel - channel.mean()) * window)
            powers = [
                abs(waves[down, right]) ** 2 / (window**2).sum()
                for down, right in itertools.product(range(CELL), range(CELL // 2 + 1))
                if math.hypot(frequencies[down], right / CELL) >= 1 / LONGEST
            ]
            excess = math.sqrt(np.mean(np.square(powers))) - np.mean(powers)
            total.append(evenness * excess)
    expected = 3 * np.mean(total)
    assert expected > 1e-3
    assert float(loss(content, picture, 3.0)) == pytest.approx(expected, rel=1e-6)


SKY = torch.full((1, 3, 4 * CELL, 4 * CELL), 0.6)
DOWN, RIGHT = torch.meshgrid(*[torch.arange(4.0 * CELL)] * 2, indexing="ij")
PATTERNS = {
    "blocks of four": (-1.0) ** RIGHT.div(2, rounding_mode="floor"),
    "checks": (-1.0) ** (DOWN + RIGHT),
    "dots": torch.cos(2 * torch.pi * DOWN / 5) * torch.cos(2 * torch.pi * RIGHT / 3.2),
    "a weave": torch.cos(2 * torch.pi * (DOWN + RIGHT) / 4.5),
}


def of_strength(pattern):
    return SKY + 0.05 * pattern / pattern.std()


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_costs_far_more_than_strokes_or_noise_of_the_same_strength(name):
    noise = torch.randn(SKY.shape, generator=torch.Generator().manual_seed(2))
    strokes = F.avg_pool2d(noise, 5, 1, 2)
    pattern = float(loss(SKY, of_strength(PATTERNS[name])))
    assert pattern > 8 * float(loss(SKY, of_strength(strokes)))
    assert pattern > 8 * float(loss(SKY, of_strength(noise)))
    assert float(loss(SKY, SKY)) < 2e-7


def test_where_the_photograph_is_busy_nothing_is_said():
    busy = torch.rand(1, 3, CELL, CELL, generator=torch.Generator().manual_seed(3))
    grid = torch.zeros(1, 3, CELL, CELL)
    grid[..., ::4] = 1
    assert float(loss(busy, grid)) < 1e-6
    assert float(loss(torch.zeros_like(busy), grid)) > 0.1


def test_gradients_and_small_pictures():
    content, picture = (smooth_picture(CELL, 2 * CELL, seed=seed).double() for seed in (1, 2))
    small = picture[..., :8, :8].requires_grad_()
    assert float(loss(small.detach(), small)) == 0.0
    term = CheckerboardTerm(0.5 + 0.05 * content)
    noise = torch.rand(picture.shape, generator=torch.Generator().manual_seed(4))
    leaf = (picture + noise).requires_grad_()
    (slope,) = torch.autograd.grad(term({"image": leaf})["grid"], leaf)
    step = torch.zeros_like(leaf)
    step[0, 1, 15, 19] = 1e-4
    both = [float(term({"image": leaf.detach() + sign * step})["grid"]) for sign in (1, -1)]
    assert float(slope[0, 1, 15, 19]) == pytest.approx((both[0] - both[1]) / 2e-4, rel=1e-4)


def test_an_empty_sky_has_a_finite_slope():
    leaf = SKY.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(SKY, leaf), leaf)
    assert float(slope.abs().max()) < 1e-6

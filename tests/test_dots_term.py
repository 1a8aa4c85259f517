"""The term of training that keeps rows of coloured dots out of pictures."""

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from conftest import smooth_picture
from impasto import colour
from impasto.train.terms import DotsTerm

CELL, STEP = DotsTerm.CELL, DotsTerm.STEP


def loss(picture, weight=1.0):
    return DotsTerm(weight)({"image": picture})["dots"]


def test_it_is_what_it_says():
    random = torch.Generator().manual_seed(1)
    picture = torch.rand(2, 3, CELL + STEP + 5, CELL, generator=random, dtype=torch.float64)
    window = np.outer(*[[math.sin(math.pi * place / CELL) ** 2 for place in range(CELL)]] * 2)
    frequencies = np.fft.fftfreq(CELL)
    total = []
    for batch, row in itertools.product(range(2), range(2)):
        cell = picture[batch : batch + 1, :, row * STEP : row * STEP + CELL]
        for difference in colour.to_yiq(cell)[0, 1:].numpy():
            waves = np.fft.fft2((difference - difference.mean()) * window)
            powers = [
                abs(waves[down, right]) ** 2 / (window**2).sum()
                for down, right in itertools.product(range(CELL), range(CELL // 2 + 1))
                if math.hypot(frequencies[down], right / CELL) >= 1 / DotsTerm.LONGEST
            ]
            total.append(math.sqrt(np.mean(np.square(powers))) - np.mean(powers))
    expected = 3 * np.mean(total)
    assert expected > 1e-3
    assert float(loss(picture, 3.0)) == pytest.approx(expected, rel=5e-3)  # YIQ to three digits


DOWN, RIGHT = torch.meshgrid(*[torch.arange(4.0 * CELL)] * 2, indexing="ij")
DOTS = torch.cos(2 * torch.pi * DOWN / 8) * torch.cos(2 * torch.pi * RIGHT / 10)
NOISE = torch.randn(DOTS.shape, generator=torch.Generator().manual_seed(2))
STROKES = F.avg_pool2d(NOISE[None], 5, 1, 2)[0]
GREEN = torch.tensor([-0.5, 1.0, -0.5])


def painted(pattern, colours):
    return 0.5 + 0.05 * (pattern / pattern.std() * colours[:, None, None])[None]


def test_rows_of_dots_cost_far_more_than_strokes_or_noise_of_the_same_strength():
    dots = float(loss(painted(DOTS, GREEN)))
    assert dots > 8 * float(loss(painted(NOISE, GREEN)))
    assert dots > 3 * float(loss(painted(STROKES, GREEN)))


def test_of_greys_nothing_is_said():
    assert float(loss(painted(DOTS, torch.ones(3)))) < 1e-6


def test_slow_changes_are_free():
    slow = torch.cos(2 * torch.pi * RIGHT / 40)
    assert float(loss(painted(slow, GREEN))) < 0.05 * float(loss(painted(DOTS, GREEN)))


def test_gradients_and_small_pictures():
    picture = smooth_picture(CELL, 2 * CELL, seed=2).double()
    small = picture[..., :8, :8].requires_grad_()
    assert float(loss(small)) == 0.0
    noise = torch.rand(picture.shape, generator=torch.Generator().manual_seed(4))
    leaf = (picture + noise).requires_grad_()
    (slope,) = torch.autograd.grad(loss(leaf), leaf)
    step = torch.zeros_like(leaf)
    step[0, 1, 15, 19] = 1e-4
    both = [float(loss(leaf.detach() + sign * step)) for sign in (1, -1)]
    assert float(slope[0, 1, 15, 19]) == pytest.approx((both[0] - both[1]) / 2e-4, rel=1e-4)
    even = torch.full((1, 3, CELL, CELL), 0.4).requires_grad_()
    (slope,) = torch.autograd.grad(loss(even), even)
    assert float(slope.abs().max()) < 1e-6

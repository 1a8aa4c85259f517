"""The structure loss against NumPy's correlation, window by window."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.random_inputs import smooth_picture
from impasto.losses.structure import FAINT, PLAIN, SIDES, WINDOW, forms, structure_loss
from impasto.objective.objective import Objective
from impasto.objective.picture_terms import StructureTerm


def loss(image: torch.Tensor, photograph: torch.Tensor) -> float:
    return sum(float(structure_loss(image, target)) for target in forms(photograph))


def test_correlations_weighted_by_the_contrast_of_the_photograph():
    random = torch.Generator().manual_seed(3)
    photo, image = (torch.rand(1, 3, 24, 40, generator=random, dtype=torch.float64)
                    for _ in range(2))  # fmt: skip
    luma = [np.tensordot([0.299, 0.587, 0.114], x[0].numpy(), 1) for x in (image, photo)]
    total = weights = 0.0
    for top in range(24 - WINDOW + 1):
        for left in range(40 - WINDOW + 1):
            part = np.s_[top : top + WINDOW, left : left + WINDOW]
            ours, theirs = (each[part] for each in luma)
            covariance = np.cov(ours.ravel(), theirs.ravel(), bias=True)[0, 1]
            contrast = theirs.std()
            deviations = np.hypot(ours.std(), FAINT) * np.hypot(contrast, FAINT)
            total += contrast * (1 - (covariance + FAINT**2) / deviations)
            weights += contrast
    (target,) = forms(photo)  # both sizes are the picture's own
    assert structure_loss(image, target).item() == pytest.approx(total / weights, rel=1e-9)


def test_tones_and_contrast_are_free_and_negatives_are_not():
    blocks = torch.rand(1, 3, 12, 16, generator=torch.Generator().manual_seed(1))
    photo = torch.nn.functional.interpolate(blocks, scale_factor=8)
    assert loss(photo, photo) == pytest.approx(0, abs=1e-5)
    assert loss(0.3 + 0.4 * photo, photo) < 0.2
    assert loss(1 - photo, photo) == pytest.approx(4, abs=0.1)


def test_sizes_are_relative_to_the_picture():
    """Strokes of the same share of a picture count alike, and those of a few pixels do not."""
    photo = smooth_picture(192, 256, 1)
    assert [target.pool for target in forms(photo)] == [256 // side for side in SIDES]
    twice = torch.nn.functional.interpolate(photo, scale_factor=2)
    other = smooth_picture(192, 256, 2)
    enlarged = torch.nn.functional.interpolate(other, scale_factor=2)
    assert loss(enlarged, twice) == pytest.approx(loss(other, photo), rel=1e-4)
    board = 0.2 * ((torch.arange(512) + torch.arange(384)[:, None]) % 2 - 0.5)
    assert loss(twice + board, twice) == pytest.approx(loss(twice, twice), abs=1e-3)


def test_an_even_photograph_asks_for_nothing_and_a_faint_one_for_little():
    other = smooth_picture(64, 96, 2)
    even = torch.full((1, 3, 64, 96), 0.4)
    assert loss(other, even) == 0
    faint = 0.4 + (smooth_picture(64, 96, 1) - 0.5) * 0.1
    (target, *_) = forms(faint)
    assert target.contrast.mean() < 2 * PLAIN
    assert loss(1 - faint, faint) < loss(1 - other, other)


def test_too_small_for_a_window():
    assert forms(torch.rand(1, 3, 6, 200)) == []
    term = StructureTerm(torch.rand(1, 3, 6, 200))
    assert float(term({"image": torch.rand(1, 3, 6, 200)})["structure"]) == 0


def test_the_gradient_is_that_of_the_loss():
    photo, image = (smooth_picture(20, 24, seed).double() for seed in (1, 2))
    (target,) = forms(photo)
    assert torch.autograd.gradcheck(
        lambda x: structure_loss(x, target), image.requires_grad_(True), fast_mode=True
    )


def test_descent_brings_the_forms_back():
    photo = smooth_picture(48, 64, 1)
    objective = Objective([StructureTerm(photo, 2.0)], lambda image, layers: {})
    image = smooth_picture(48, 64, 2)
    first, gradient = objective.gradient(image)
    assert first["structure"] > 0.5
    for _ in range(60):
        image = (image - 2.0 * gradient).clamp(0, 1)
        last, gradient = objective.gradient(image)
    assert last["structure"] < 0.5 * first["structure"]

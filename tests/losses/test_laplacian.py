"""The Laplacian, and the term that compares it with the content's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.random_inputs import smooth_picture
from impasto.losses.laplacian import POOL_SIZES, laplacian
from impasto.objective.objective import Objective
from impasto.objective.terms import LaplacianTerm


@pytest.mark.parametrize("pool", POOL_SIZES)
def test_laplacian_equals_loops(pool):
    image = smooth_picture(41, 50, seed=1).double()
    grey = image[0].mean(0).numpy()
    rows, columns = grey.shape[0] // pool, grey.shape[1] // pool
    small = np.array(
        [
            [
                grey[r * pool : (r + 1) * pool, c * pool : (c + 1) * pool].mean()
                for c in range(columns)
            ]
            for r in range(rows)
        ]
    )
    expected = np.array(
        [
            [
                4 * small[r, c]
                - small[r - 1, c]
                - small[r + 1, c]
                - small[r, c - 1]
                - small[r, c + 1]
                for c in range(1, columns - 1)
            ]
            for r in range(1, rows - 1)
        ]
    )
    np.testing.assert_allclose(laplacian(image, pool)[0, 0].numpy(), expected, atol=1e-12)


def test_loss_is_zero_for_the_content_and_the_weight_for_a_plain_picture():
    content = smooth_picture(64, 64, seed=1)
    objective = Objective([LaplacianTerm(content, 3.0)], lambda image, layers: {})
    assert objective(content)["laplacian"] < 1e-10
    assert objective(torch.full_like(content, 0.5))["laplacian"] == pytest.approx(3.0, rel=1e-4)


def test_changes_of_colour_cost_nothing():
    content = smooth_picture(64, 64, seed=1) * 0.5 + 0.2
    tinted = content + torch.tensor([0.1, 0.0, -0.1]).view(1, 3, 1, 1)
    swapped = content.flip(1)
    objective = Objective([LaplacianTerm(content)], lambda image, layers: {})
    for image in (tinted, swapped, content + 0.1):
        assert objective(image)["laplacian"] < 1e-8


def test_gradient():
    content = smooth_picture(24, 24, seed=1).double()
    term = LaplacianTerm(content)
    image = smooth_picture(24, 24, seed=2).double().requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: term({"image": x})["laplacian"], image)


def test_small_pictures_use_the_pool_sizes_that_fit():
    content = smooth_picture(9, 9, seed=1)
    objective = Objective([LaplacianTerm(content)], lambda image, layers: {})
    assert 0 < objective(torch.rand(1, 3, 9, 9))["laplacian"] < 100

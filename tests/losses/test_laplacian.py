"""The Laplacian term: the lines of the photograph, whatever their colours."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.random_inputs import smooth_picture
from impasto.losses.laplacian import POOLS, laplacian
from impasto.objective.objective import Objective
from impasto.objective.terms import LaplacianTerm


@pytest.mark.parametrize("pool", POOLS)
def test_it_is_what_the_loops_say(pool):
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


def test_the_photograph_itself_has_no_loss_and_a_plain_picture_all_of_it():
    content = smooth_picture(64, 64, seed=1)
    objective = Objective([LaplacianTerm(content, 3.0)], lambda image, layers: {})
    assert objective(content)["laplacian"] < 1e-10
    assert objective(torch.full_like(content, 0.5))["laplacian"] == pytest.approx(3.0, rel=1e-4)


def test_colours_are_free():
    content = smooth_picture(64, 64, seed=1) * 0.5 + 0.2
    tinted = content + torch.tensor([0.1, 0.0, -0.1]).view(1, 3, 1, 1)
    swapped = content.flip(1)
    objective = Objective([LaplacianTerm(content)], lambda image, layers: {})
    for image in (tinted, swapped, content + 0.1):
        assert objective(image)["laplacian"] < 1e-8


def test_gradients():
    content = smooth_picture(24, 24, seed=1).double()
    term = LaplacianTerm(content)
    image = smooth_picture(24, 24, seed=2).double().requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: term({"image": x})["laplacian"], image)


def test_small_pictures_have_the_lines_that_fit():
    content = smooth_picture(9, 9, seed=1)
    objective = Objective([LaplacianTerm(content)], lambda image, layers: {})
    assert 0 < objective(torch.rand(1, 3, 9, 9))["laplacian"] < 100

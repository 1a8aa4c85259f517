"""Photographs without lines are painted by recipes that keep lines."""

from __future__ import annotations

import pytest
import torch

import impasto
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.losses.content import content_loss
from impasto.losses.laplacian import SMOOTH, laplacian, laplacian_loss

SIZE = (48, 64)
PHOTOGRAPHS = {
    "black": torch.zeros(1, 3, *SIZE),
    "grey": torch.full((1, 3, *SIZE), 0.5),
    "sky": torch.linspace(0.5, 0.8, SIZE[0])[None, None, :, None].expand(1, 3, *SIZE).clone(),
}


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_smooth_photograph_is_painted(name, tmp_path):
    images.write(tmp_path / "photo.png", PHOTOGRAPHS[name])
    images.write(tmp_path / "style.png", smooth_picture(*SIZE, seed=3))
    options = {"size": 64, "scales": 1, "steps": 15, "final_steps": 15}
    painted = impasto.paint(
        tmp_path / "photo.png", tmp_path / "style.png", recipe="photo", **options
    )
    assert float((painted.tensor - PHOTOGRAPHS[name]).abs().mean()) > 0.03


def test_lines_of_other_photographs_count_as_before():
    photograph, picture = smooth_picture(64, 64, seed=1), smooth_picture(64, 64, seed=2)
    for contrast in (1.0, 0.3):
        target, values = laplacian(contrast * photograph, 2), laplacian(picture, 2)
        assert float(target.square().mean()) > SMOOTH
        assert torch.equal(laplacian_loss(values, target), content_loss(values, target))
    flat = torch.zeros(1, 1, 5, 5)
    torch.testing.assert_close(laplacian_loss(flat + 0.1, flat), torch.tensor([0.1**2 / SMOOTH]))

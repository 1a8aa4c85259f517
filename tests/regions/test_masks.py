"""Masks: feathering and validation."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from helpers.mask_pictures import random_masks
from helpers.sentences import sentence
from impasto.errors import OptionError
from impasto.regions import masks

# --- feathering ----------------------------------------------------------------------------------


def mirrored(index, side):
    """The pixel at ``index`` of a row that is reflected at the centres of its end pixels."""
    while not 0 <= index < side:
        index = -index if index < 0 else 2 * (side - 1) - index
        if side == 1:
            return 0
    return index


@pytest.mark.parametrize(("size", "radius"), [((9, 12), 1.3), ((5, 3), 4.0), ((1, 6), 2.0)])
def test_feather_is_a_gaussian_with_reflected_borders(size, radius):
    height, width = size
    plane = random_masks(1, height, width)
    reach = math.ceil(3 * radius)
    weights = {k: math.exp(-(k**2) / (2 * radius**2)) for k in range(-reach, reach + 1)}
    total = sum(weights.values())
    expected = torch.zeros(height, width)
    for y in range(height):
        for x in range(width):
            for dy, down in weights.items():
                for dx, right in weights.items():
                    value = plane[0, 0, mirrored(y + dy, height), mirrored(x + dx, width)]
                    expected[y, x] += value * down * right / total**2
    torch.testing.assert_close(masks.feather(plane, radius)[0, 0], expected)


def test_feathered_masks_sum_to_one():
    labels = random_masks(3, 17, 23).argmax(1)
    planes = F.one_hot(labels, 3).permute(0, 3, 1, 2).float()
    torch.testing.assert_close(masks.feather(planes, 2.5).sum(1), torch.ones(1, 17, 23))
    overlapping = masks.feather(random_masks(3, 17, 23), 0)
    assert overlapping.sum(1).max() <= 1 + 1e-6
    alone = random_masks(1, 17, 23) / 2
    assert torch.equal(masks.feather(alone, 0), alone)


def test_a_tiny_radius_changes_nothing():
    plane = random_masks(1, 6, 7)
    torch.testing.assert_close(masks.feather(plane, 1e-40), plane)
    torch.testing.assert_close(masks.feather(plane, 0.1), plane)


@pytest.mark.parametrize("radius", [-1, math.nan, math.inf, 8])
def test_feather_radius_out_of_range(radius):
    assert "choose 0 to 7" in sentence(OptionError, masks.feather, torch.ones(1, 1, 6, 7), radius)


# --- checks --------------------------------------------------------------------------------------


def broken(value):
    planes = torch.ones(1, 2, 4, 5)
    planes[0, 1, 2, 3] = value
    return planes


@pytest.mark.parametrize(
    ("planes", "words"),
    [
        (torch.ones(1, 2, 5, 4), r"5×4 px have the shape (1, R, 4, 5), not (1, 2, 5, 4)"),
        (torch.ones(2, 2, 4, 5), "not (2, 2, 4, 5)"),
        (torch.ones(4, 5), "not (4, 5)"),
        (torch.ones(1, 0, 4, 5), "not (1, 0, 4, 5)"),
        (broken(math.nan), "NaN"),
        (broken(math.inf), "infinite"),
        (broken(-0.25), "go down to -0.25"),
        (torch.cat([torch.ones(1, 1, 4, 5), torch.zeros(1, 1, 4, 5)], 1), "Mask 2 of 2 is zero"),
    ],
)
def test_invalid_masks(planes, words):
    assert words in sentence(OptionError, masks.check_masks, planes, (4, 5))


def test_valid_masks():
    masks.check_masks(random_masks(3, 4, 5), (4, 5))

"""Grey masks from files, and resized to a picture."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers.mask_pictures import halves, random_masks
from helpers.sentences import sentence
from impasto.errors import ImageError, InputDataError
from impasto.regions import masks
from impasto.regions.label_images import read_colour_masks


def test_grey_values_are_kept(tmp_path):
    levels = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    Image.fromarray(levels).save(tmp_path / "g.png")
    Image.merge("LA", [Image.fromarray(levels), Image.new("L", (4, 3), 7)]).save(tmp_path / "a.png")
    for name, opacity in (("g.png", 1), ("a.png", 7 / 255)):  # transparent parts are outside
        mask, notices = masks.read_grey_mask(tmp_path / name, (3, 4))
        assert notices == []
        torch.testing.assert_close(mask[0, 0], torch.from_numpy(levels) / 255 * opacity)


def test_a_black_mask(tmp_path):
    Image.new("RGB", (8, 6)).save(tmp_path / "black.png")
    message = sentence(InputDataError, masks.read_grey_mask, tmp_path / "black.png", (6, 8))
    assert "black.png is black everywhere" in message


def test_missing_file(tmp_path):
    assert "no file" in sentence(ImageError, masks.read_grey_mask, tmp_path / "x.png", (6, 8))


def test_feathered_grey_mask(tmp_path):
    path = halves(tmp_path / "g.png", "black", "white")
    plain, _ = masks.read_grey_mask(path, (40, 60))
    soft, _ = masks.read_grey_mask(path, (40, 60), feather=3)
    torch.testing.assert_close(soft, masks.feather(plain, 3))


def test_a_mask_of_nearly_the_same_shape_is_stretched_with_a_notice(tmp_path):
    path = halves(tmp_path / "g.png", "black", "white", size=(404, 600))
    mask, notices = masks.read_grey_mask(path, (100, 150), file_size=(200, 300))
    assert mask.shape == (1, 1, 100, 150)
    assert notices == [
        f"The mask {path} has 600×404 px and its picture 300×200 px, not quite the same shape: "
        "it was stretched."
    ]
    result = read_colour_masks(path, path, (200, 300), (202, 300))
    assert result.content.shape == (1, 2, 200, 300)
    assert result.notices == notices


@pytest.mark.parametrize("size", [(40, 60), (403, 600), (41, 61), (121, 180), (1210, 1800)])
def test_a_mask_of_the_same_shape_has_any_size(size, tmp_path):
    path = halves(tmp_path / "g.png", "black", "white", size=size)
    mask, notices = masks.read_grey_mask(path, (12, 18), file_size=(121, 180))
    assert mask.shape == (1, 1, 12, 18)
    assert notices == []


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 300), st.integers(1, 300))
def test_two_percent_of_aspect(mask_height, mask_width, height, width):
    picture = torch.zeros(1, 3, mask_height, mask_width)
    ratio = (mask_width / mask_height) / (width / height)
    allowed = max(ratio, 1 / ratio)
    if abs(allowed - 1.02) < 1e-9:
        return
    if allowed < 1.02:
        notices = masks.check_aspect("m.png", picture, (height, width))
        # The short side of the smaller one is a pixel off.
        off = abs(1 - Fraction(mask_width * height, mask_height * width))
        assert len(notices) == (off * min(mask_height, mask_width, height, width) >= 1)
    else:
        message = sentence(InputDataError, masks.check_aspect, "m.png", picture, (height, width))
        assert f"{mask_width}×{mask_height} px and its picture {width}×{height} px" in message


@settings(max_examples=40)
@given(*[st.integers(1, 50)] * 4)
def test_resized_masks_still_sum_to_one(height, width, new_height, new_width):
    labels = random_masks(3, height, width).argmax(1)
    planes = F.one_hot(labels, 3).permute(0, 3, 1, 2).float()
    resized = masks.resize_masks(planes, (new_height, new_width))
    assert resized.shape == (1, 3, new_height, new_width)
    assert resized.min() >= 0
    assert resized.max() <= 1
    torch.testing.assert_close(resized.sum(1), torch.ones(1, new_height, new_width))
    assert torch.equal(resized.amax((2, 3)) > 0, planes.amax((2, 3)) > 0)

"""Arrays, tensors, Pillow images and files of the same pixels are the same picture."""

from __future__ import annotations

import io
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from helpers import sentences
from impasto import images
from impasto.errors import ImageError
from impasto.images.picture import Picture

LEVELS = np.random.default_rng(0).integers(0, 256, (20, 30, 4), dtype=np.uint8)
RGB = np.ascontiguousarray(LEVELS[..., :3])
FLOATS = (RGB / np.float64(255)).astype(np.float32)

sentence = partial(sentences.said, ImageError)


def chw(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))


@pytest.mark.parametrize("long_side", [None, 12, 45])
@pytest.mark.parametrize(
    "same",
    [
        RGB,
        RGB[::-1][::-1],  # negative strides
        np.asfortranarray(RGB),
        FLOATS,
        FLOATS.astype(np.float64),
        FLOATS.astype(">f4"),
        chw(RGB),
        chw(RGB)[None],
        chw(FLOATS),
        chw(FLOATS).double()[None],
        chw(FLOATS).requires_grad_(),
        np.dstack([RGB, np.full((20, 30), 255, np.uint8)]),
    ],
)
def test_pixels_in_memory_are_those_of_a_pillow_image(same, long_side):
    expected = images.read(Image.fromarray(RGB), long_side=long_side)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = images.read(same, long_side=long_side)
    assert torch.equal(found.tensor, expected.tensor)
    assert found.tensor.dtype == torch.float32
    assert not found.tensor.requires_grad
    assert found.alpha is None
    assert found.info.size == expected.info.size == (20, 30)
    again = images.read(found, long_side=long_side)
    assert torch.equal(again.tensor, expected.tensor)


@pytest.mark.parametrize("grey", [RGB[..., 0], RGB[..., :1], torch.from_numpy(RGB[..., 0])])
def test_grey_is_the_same_in_every_channel(grey):
    expected = images.read(Image.fromarray(RGB[..., 0]))
    assert torch.equal(images.read(grey).tensor, expected.tensor)


def test_black_and_white_masks():
    white = RGB[..., 0] > 100
    expected = torch.from_numpy(white).float().expand(1, 3, 20, 30)
    for mask in (white, torch.from_numpy(white), torch.from_numpy(white)[None]):
        assert torch.equal(images.read(mask).tensor, expected)


@pytest.mark.parametrize(
    "pixels", [LEVELS, chw(LEVELS), (LEVELS / 255).astype(np.float32), chw(LEVELS / 255)[None]]
)
def test_the_fourth_channel_is_alpha(pixels):
    expected = images.read(Image.fromarray(LEVELS), long_side=15)
    found = images.read(pixels, long_side=15)
    torch.testing.assert_close(found.tensor, expected.tensor)
    torch.testing.assert_close(found.alpha, expected.alpha)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_floats_of_any_width(dtype):
    picture = images.read(chw(FLOATS).to(dtype))
    torch.testing.assert_close(picture.tensor, chw(FLOATS).to(dtype).float()[None])


def test_the_caller_keeps_the_pixels():
    given, tensor = FLOATS.copy(), chw(FLOATS)
    pictures = [images.read(given), images.read(tensor), images.read(chw(RGB))]
    before = [picture.tensor.clone() for picture in pictures]
    given[:], tensor[:] = 0, 0
    for picture, kept in zip(pictures, before, strict=True):
        assert torch.equal(picture.tensor, kept)


def test_values_that_rounding_puts_outside_are_clipped():
    assert images.read(FLOATS * np.float32(1 + 1e-6) - np.float32(1e-6)).tensor.min() >= 0
    assert images.read(np.full((2, 2), 1 + 1e-5)).tensor.max() == 1


WRONG = {
    "channels first": (RGB.transpose(2, 0, 1), "(3, 20, 30)", "array.transpose(1, 2, 0)"),
    "two channels": (RGB[..., :2], "(20, 30, 2)", "(H, W, 3) or (H, W, 4)"),
    "a batch": (RGB[None], "(1, 20, 30, 3)", "array[0]"),
    "a number": (np.float32(1)[None], "(1,)", "(H, W)"),
    "levels as floats": (FLOATS * 255, "from 0 to 255", "divide it by 255"),
    "from -1": (FLOATS * 2 - 1, "from -1 to 1", "(x + 1) / 2"),
    "too bright": (FLOATS * 1.25, "from 0 to 1.25", "clip"),
    "normalized": ((FLOATS - 0.45) / 0.225, "to 2.444", "scale"),
    "whole numbers": (RGB.astype(int), "int64", "uint8"),
    "16 bits": (RGB.astype(np.uint16), "uint16", "float32"),
    "NaN": (np.full((4, 4), np.nan), "NaN", "floats from 0 to 1"),
    "one NaN": (np.where(RGB[..., 0] == RGB[0, 0, 0], np.nan, 0.5), "NaN", "0 to 1"),
    "infinite": (np.full((4, 4), np.inf), "inf", "0 to 1"),
    "empty": (np.zeros((0, 3)), "no pixels", "(0, 3)"),
    "tensor, channels last": (torch.zeros(20, 30, 3), "(20, 30, 3)", "tensor.permute(2, 0, 1)"),
    "tensor, a batch": (torch.zeros(5, 3, 20, 30), "(5, 3, 20, 30)", "tensor[0]"),
    "tensor, two channels": (torch.zeros(2, 20, 30), "(2, 20, 30)", "(3, H, W)"),
    "tensor, whole numbers": (torch.zeros(3, 4, 4, dtype=torch.int64), "int64", "uint8"),
    "tensor, levels as floats": (torch.full((3, 4, 4), 255.0), "to 255", "divide it by 255"),
    "a list": ([1, 2], "list", "a path, a Pillow image"),
    "nothing": (None, "NoneType", "a NumPy array (H, W)"),
    "bytes": (b"\x89PNG", "bytes", "PIL.Image.open"),
    "a stream": (io.BytesIO(), "BytesIO", "PIL.Image.open"),
}


@pytest.mark.parametrize("what", WRONG)
def test_anything_else_is_refused_with_what_is_accepted(what):
    given, got, remedy = WRONG[what]
    text = sentence(images.read, given)
    assert got in text
    assert remedy in text


def test_the_limit_on_pixels_counts_in_memory_too():
    for given in (RGB, chw(FLOATS), Picture(chw(FLOATS)[None]), Image.fromarray(RGB)):
        assert "600 pixels and at most 599" in sentence(images.read, given, max_pixels=599)


def test_the_public_reader_and_writer(tmp_path):
    picture = impasto.read_image(LEVELS)
    for number, given in enumerate((LEVELS, Image.fromarray(LEVELS), picture)):
        path = impasto.write_image(tmp_path / f"{number}.png", given)
        assert np.array_equal(np.asarray(Image.open(path)), LEVELS)

"""Weight maps of masks at each layer, from the geometry of the encoder."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.mask_pictures import BLUE, RED, cells, random_masks
from helpers.random_inputs import random_encoder
from helpers.sentences import sentence
from impasto import images
from impasto.encoders.vgg import Architecture
from impasto.errors import OptionError
from impasto.losses.moments import gram_matrix
from impasto.regions import masks
from impasto.regions.label_images import read_colour_masks
from impasto.regions.masks import MASK_MODES

DEEP = random_encoder(Architecture((2, 2, 3), (2, 1, 2)))
SIDES = st.integers(16, 45)


@settings(max_examples=25, deadline=None)
@given(SIDES, SIDES, st.sampled_from(list(MASK_MODES)))
def test_sizes_are_those_of_the_features(height, width, mode):
    features = DEEP(torch.rand(1, 3, height, width), DEEP.layers)
    carried = masks.layer_masks(random_masks(2, height, width), DEEP, DEEP.layers, mode)
    assert list(carried) == list(DEEP.layers)
    for layer, planes in carried.items():
        assert planes.shape == (1, 2, *features[layer].shape[-2:])
        assert planes.isfinite().all()
        assert planes.min() >= 0
        assert planes.max() <= 1
        assert (planes.amax((2, 3)) > 0).all()
        gram_matrix(features[layer], planes[:, :1])


def receptive_field(layer, unit, side):
    """The first and the last pixel of a row that a unit sees, by walking back to the picture."""
    first = last = unit
    for name in reversed(DEEP.layers[: DEEP.layers.index(layer) + 1]):
        if name.startswith("conv"):
            first, last = first - 1, last + 1
        elif name.startswith("pool"):
            first, last = 2 * first, 2 * last + 1
    return max(first, 0), min(last, side - 1)


@pytest.mark.parametrize("size", [(16, 16), (19, 26), (33, 23)])
def test_inside_is_where_the_whole_receptive_field_is(size):
    height, width = size
    planes = torch.zeros(1, 3, height, width)
    planes[0, 0, : height - 5, 3:] = 1
    planes[0, 1, :, : width * 2 // 3] = 1
    planes[0, 2, 1:3, 1:3] = 1  # deep units see more
    carried = masks.layer_masks(planes, DEEP, DEEP.layers, "inside")
    simple = masks.layer_masks(planes, DEEP, DEEP.layers)
    fallen_back = set()
    for layer, got in carried.items():
        expected = torch.zeros_like(got)
        for y in range(got.shape[-2]):
            top, bottom = receptive_field(layer, y, height)
            for x in range(got.shape[-1]):
                left, right = receptive_field(layer, x, width)
                window = planes[0, :, top : bottom + 1, left : right + 1]
                expected[0, :, y, x] = window.amin((1, 2))
        for region in range(3):
            if not expected[0, region].any():
                fallen_back.add((layer, region))
                expected[0, region] = simple[layer][0, region]
        assert torch.equal(got, expected), layer
    assert ("conv3_2", 2) in fallen_back
    assert ("conv1_1", 0) not in fallen_back


def test_the_receptive_field_is_the_encoders_own():
    """A unit inside the region does not notice what happens outside; the nearest others do."""
    picture = torch.rand(1, 3, 40, 40, requires_grad=True)
    encoder = random_encoder(Architecture((2, 2, 3), (2, 1, 2), pooling="average"))
    plane = torch.zeros(1, 1, 40, 40)
    plane[..., :28, 4:] = 1
    for layer in ("conv1_2", "pool1", "conv2_1", "pool2", "conv3_1"):
        inside = masks.layer_masks(plane, encoder, [layer], "inside")[layer]
        # Convolutions without rectifiers between: nothing hides what a unit sees.
        x = picture
        for name in encoder.layers[: encoder.layers.index(layer) + 1]:
            if not name.startswith("relu"):
                x = encoder.layer(name, x)
        for y, row in enumerate(inside[0, 0]):
            for z, value in enumerate(row):
                (slope,) = torch.autograd.grad(x[0, :, y, z].sum(), picture, retain_graph=True)
                seen_outside = bool((slope.abs().sum(1)[0] * (1 - plane[0, 0]) > 0).any())
                assert seen_outside != bool(value), (layer, y, z)


@pytest.mark.parametrize("size", [(16, 24), (21, 18)])
def test_simple_is_the_mean_over_the_pixels_of_a_position(size):
    planes = random_masks(2, *size)
    for layer, got in masks.layer_masks(planes, DEEP, DEEP.layers).items():
        stride = DEEP.stride(layer)
        for y in range(size[0] // stride):
            for x in range(size[1] // stride):
                square = planes[0, :, y * stride : (y + 1) * stride, x * stride : (x + 1) * stride]
                torch.testing.assert_close(got[0, :, y, x], square.mean((1, 2)))


def test_propagated_equals_convolutions_with_equal_weights():
    """In the middle, it is the response of an encoder whose kernels are all means."""
    encoder = random_encoder(
        Architecture((1, 1, 1), (2, 1, 2), "average", "replicate", (0,) * 3, (1,) * 3)
    )
    for convolution in encoder.convolutions.values():
        convolution.weight.fill_(1 / (9 * convolution.in_channels))
    plane = random_masks(1, 64, 57)
    carried = masks.layer_masks(plane, encoder, encoder.layers, "propagated")
    for layer, features in encoder(plane.expand(1, 3, -1, -1), encoder.layers).items():
        middle = carried[layer][..., 2:-2, 2:-2]
        if layer[4] < "3":  # what the borders do has not come further yet
            torch.testing.assert_close(middle, features[..., 2:-2, 2:-2], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        masks.layer_masks(torch.ones(1, 1, 33, 20), encoder, ["pool3"], "propagated")["pool3"],
        torch.ones(1, 1, 4, 2),
    )


@pytest.mark.parametrize("mode", ["simple", "propagated"])
def test_masks_that_sum_to_one_still_do_at_each_layer(mode):
    planes = random_masks(3, 37, 29).softmax(1)
    for carried in masks.layer_masks(planes, DEEP, DEEP.layers, mode).values():
        torch.testing.assert_close(carried.sum(1), torch.ones_like(carried[:, 0]))


@pytest.mark.parametrize("mode", MASK_MODES)
def test_a_region_in_the_border_cut_off_by_poolings(mode):
    planes = torch.zeros(1, 1, 23, 23)
    planes[..., 22, 22] = 1
    for carried in masks.layer_masks(planes, DEEP, DEEP.layers, mode).values():
        assert carried[0, 0, -1, -1] > 0


def test_the_black_of_a_compressed_mask_is_not_inside():
    plane = torch.full((1, 1, 32, 32), 2 / 255)
    plane[..., 8:12, 8:12] = 1
    layers = ["conv1_1", "pool3"]
    simple, inside = (masks.layer_masks(plane, DEEP, layers, m) for m in ("simple", "inside"))
    assert inside["conv1_1"].count_nonzero() == 4
    assert torch.equal(inside["pool3"], simple["pool3"])


def test_layers_come_shallow_to_deep_and_only_those_named():
    planes = random_masks(1, 20, 20)
    assert list(masks.layer_masks(planes, DEEP, ["pool2", "relu1_1"])) == ["relu1_1", "pool2"]
    assert masks.layer_masks(planes, DEEP, []) == {}


def test_invalid_arguments_of_layer_masks():
    planes = random_masks(1, 16, 15)
    message = sentence(OptionError, masks.layer_masks, planes, DEEP, ["pool3"])
    assert message == "Masks of 15×16 px are too small: 16 px are needed."
    message = "Unknown mask mode 'insid': choose one of simple, inside, propagated."
    with pytest.raises(OptionError, match=message):
        masks.layer_masks(planes, DEEP, ["pool2"], "insid")
    with pytest.raises(OptionError, match="conv9_1"):
        masks.layer_masks(planes, DEEP, ["conv9_1"])
    with pytest.raises(OptionError, match="zero everywhere"):
        masks.layer_masks(torch.zeros(1, 1, 16, 16), DEEP, ["pool2"])


def test_masks_of_photograph_size(tmp_path):
    """From files to weights of a Gram matrix, as the command line goes."""
    _, picture = cells([RED, BLUE], 48, 64, seed=1)
    images.write(
        tmp_path / "c.jpg", torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 255
    )
    result = read_colour_masks(*[tmp_path / "c.jpg"] * 2, (48, 64), (48, 64))
    soft = masks.feather(result.content, 2)
    masks.check_masks(soft, (48, 64))
    features = DEEP(torch.rand(1, 3, 48, 64), ["relu2_1"])["relu2_1"]
    weights = masks.layer_masks(soft, DEEP, ["relu2_1"], "inside")["relu2_1"]
    grams = [gram_matrix(features, weights[:, [region]]) for region in range(2)]
    assert (grams[0] - grams[1]).abs().max() > 0

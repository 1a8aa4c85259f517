"""Feature visualization on a tiny encoder."""

import pytest
import torch

from helpers.random_inputs import random_encoder, smooth_picture
from helpers.tiny_networks import ENCODER
from impasto.errors import OptionError
from impasto.images.picture import Picture
from impasto.studies.feature_visualization import (
    activating_patches,
    projection,
    relative_gram,
    strongest_maps,
    visualize,
)

LAYER = "relu3_1"


@pytest.fixture(scope="module")
def encoder():
    return random_encoder(ENCODER)


def test_the_strongest_maps_are_the_strongest(encoder):
    picture = smooth_picture(32, 48, seed=1)
    found = strongest_maps(encoder, picture, LAYER, 3)
    features = encoder(picture, [LAYER])[LAYER][0]
    sizes = [float((features[c] ** 2).mean().sqrt()) for c in range(len(features))]
    assert [strength for _, strength, _ in found] == pytest.approx(sorted(sizes)[::-1][:3])
    for channel, strength, map_ in found:
        assert strength == pytest.approx(sizes[channel])
        assert torch.equal(map_, features[channel])


def test_a_gram_matrix_is_relative_to_its_largest_entry(encoder):
    gram = relative_gram(encoder, smooth_picture(32, 32, seed=2), LAYER)
    assert float(gram.abs().max()) == pytest.approx(1)
    assert torch.allclose(gram, gram.T)


def test_the_gradient_projection_matches_autograd(encoder):
    picture = smooth_picture(32, 32, seed=3)
    channel = strongest_maps(encoder, picture, LAYER, 1)[0][0]
    leaf = picture.clone().requires_grad_()
    encoder(leaf, [LAYER])[LAYER][0, channel].max().backward()
    found = projection(encoder, picture, LAYER, channel, method="gradient")
    assert torch.allclose(found, leaf.grad, atol=1e-6)


def test_projections_through_one_convolution_by_hand():
    encoder = random_encoder(ENCODER)
    picture = smooth_picture(16, 16, seed=4)
    before = encoder.layer("conv1_1", encoder.normalize(picture))[0, 1]
    row, column = divmod(int(before.argmax()), before.shape[-1])
    weight = encoder.convolutions["conv1_1"].weight[1] / encoder.std[0]
    for method in ("gradient", "deconvnet", "guided"):
        # One convolution and one rectifier that is open: all three are the kernel itself.
        found = projection(encoder, picture, "relu1_1", 1, method=method)[0]
        if 0 < row < 15 and 0 < column < 15:
            window = found[:, row - 1 : row + 2, column - 1 : column + 2]
            assert torch.allclose(window, weight, atol=1e-5)
    deep = {m: projection(encoder, picture, LAYER, 0, method=m) for m in ("deconvnet", "guided")}
    assert not torch.allclose(deep["deconvnet"], deep["guided"])


def test_patches_are_found_where_the_channel_is_strongest(encoder):
    pictures = [smooth_picture(40, 56, seed=seed) for seed in range(5)]
    given = [Picture(picture) for picture in pictures]
    found = activating_patches(encoder, given, LAYER, 2, 3)
    peaks = [float(encoder(picture, [LAYER])[LAYER][0, 2].max()) for picture in pictures]
    assert [patch.activation for patch in found] == pytest.approx(sorted(peaks)[::-1][:3])
    best = max(range(5), key=peaks.__getitem__)
    assert found[0].source == str(best)
    # The patch alone has the same peak, since it is all that the unit sees.
    alone = encoder(found[0].image, [LAYER])[LAYER][0, 2].max()
    assert float(alone) >= 0.99 * found[0].activation


def test_a_picture_is_optimized_to_activate_a_channel(encoder):
    steps = list(visualize(encoder, LAYER, 1, side=48, steps=25, seed=1))
    assert [step.step for step in steps] == list(range(1, 26))
    assert steps[-1].activation > 1.3 * steps[0].activation
    assert 0 <= float(steps[-1].image.min()) <= float(steps[-1].image.max()) <= 1
    again = list(visualize(encoder, LAYER, 1, side=48, steps=25, seed=1))
    assert torch.equal(again[-1].image, steps[-1].image)


@pytest.mark.parametrize("channel", [-1, 8])
def test_an_unknown_channel_is_refused(encoder, channel):
    with pytest.raises(OptionError, match="0 to 7"):
        projection(encoder, smooth_picture(32, 32, seed=1), LAYER, channel)

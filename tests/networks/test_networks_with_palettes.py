"""Networks that measure palettes: one style, batches and bytes, by folded filters or without."""

from __future__ import annotations

import pytest
import torch

from helpers.random_inputs import smooth_picture
from helpers.tiny_networks import network, painted_with_gradients, styles_with_palettes
from impasto.networks.base import StyledNetwork


@pytest.fixture(scope="module", params=["strokes", "recolour", "recolour-noise"])
def net(request: pytest.FixtureRequest) -> StyledNetwork:
    return network(request.param)


@pytest.mark.parametrize("size", [(64, 80), (33, 47)])
@torch.no_grad()
def test_one_style_is_folded_into_the_filters_with_the_same_result(net, size):
    image, style = smooth_picture(*size, seed=1), styles_with_palettes(net)
    folded = net(image, style)
    assert folded.shape == image.shape
    torch.testing.assert_close(folded, painted_with_gradients(net, image, style), rtol=0, atol=2e-5)


@torch.no_grad()
def test_a_batch_is_painted_as_each_alone(net):
    images = torch.cat([smooth_picture(48, 64, seed=seed) for seed in (1, 2)])
    both = styles_with_palettes(net, 2)
    found = net(images, both)
    for index in range(2):
        one = net(images[index : index + 1], both[index : index + 1])
        torch.testing.assert_close(found[index : index + 1], one, rtol=0, atol=2e-5)
    shared = net(images, both[:1])
    torch.testing.assert_close(shared[:1], found[:1], rtol=0, atol=2e-5)


@pytest.mark.parametrize("count", [1, 2])
@torch.no_grad()
def test_a_picture_in_bytes(net, count):
    image = (smooth_picture(48, 64, seed=3) * 255).round()
    painted = net(image.to(torch.uint8), styles_with_palettes(net, count))
    expected = (net(image / 255, styles_with_palettes(net, count)) * 255).round()
    assert painted.dtype == torch.uint8
    assert (painted.float() - expected).abs().max() <= 1

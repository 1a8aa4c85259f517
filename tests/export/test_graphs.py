"""Plain operations paint and read what the fast ones do, before anything is recorded."""

from __future__ import annotations

import pytest
import torch

from helpers.painter_inputs import pictures, styles
from helpers.random_inputs import random_encoder, smooth_picture
from helpers.tiny_networks import ENCODER, NETWORKS, any_style, network, vectors
from impasto.encoders.vgg import Encoder
from impasto.export.graphs import Painter, Reader
from impasto.networks.normalization import instance_norm, moments_of, normalize
from impasto.onepass.stylist import Stylist, mixture
from impasto.runtime.tracing import needs_plain_operations, plain_operations

SIZES = [(1, 40, 61), (2, 17, 130), (3, 64, 48)]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("size", SIZES)
def test_plain_operations_paint_the_same(name, size):
    net, image = network(name), pictures(*size)
    given, shares = styles(net, 3), [0.2, 1.0, 0.5]
    with torch.no_grad():
        expected = net(image, mixture(list(given), shares)[None].expand(len(image), -1))
    with plain_operations(), torch.enable_grad():
        painted = Painter(net)(image, given, torch.tensor(shares))
    torch.testing.assert_close(painted, expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize("name", ["strokes", "recolour", "paint", "adain"])
def test_plain_operations_read_the_same(name, encoder):
    model = any_style(name, encoder)
    picture = smooth_picture(53, 70, seed=4)
    expected = Stylist(model, encoder=encoder).read_style(picture)
    with plain_operations(), torch.enable_grad():
        read = Reader(encoder, model.predictor)(picture)
    torch.testing.assert_close(read[0], expected, atol=1e-4, rtol=1e-4)


def test_the_models_own_network_stays_as_it_is(encoder):
    model = any_style("strokes", encoder)
    weight = model.network.convolution("eighth").weight
    painter = Painter(model.network)
    with torch.no_grad():
        painter.network.convolution("eighth").weight.zero_()
    assert weight.abs().sum() > 0


def test_plain_operations_end_with_their_block():
    assert not needs_plain_operations()
    with plain_operations():
        assert needs_plain_operations()
    assert not needs_plain_operations()
    with pytest.raises(ZeroDivisionError), plain_operations():
        1 / 0  # noqa: B018
    assert not needs_plain_operations()


def test_instance_norm_is_normalize_by_own_moments():
    x = torch.randn(2, 5, 7, 9, generator=torch.Generator().manual_seed(0))
    scale, shift = vectors(2, 5)
    expected = normalize(x, moments_of(x), scale[None], shift[None])
    torch.testing.assert_close(instance_norm(x, scale[None], shift[None]), expected)


def test_an_encoder_of_another_architecture_is_read(encoder):
    """Zeros at the border, average pooling: none is special to the built-in encoder."""
    other = random_encoder(type(ENCODER)((4, 6, 8, 8, 8), (1, 1, 1, 1, 1), pooling="average"))
    assert isinstance(other, Encoder)
    model = any_style("adain", other)
    picture = smooth_picture(40, 44, seed=4)
    with plain_operations(), torch.enable_grad():
        read = Reader(other, model.predictor)(picture)
    expected = Stylist(model, encoder=other).read_style(picture)
    torch.testing.assert_close(read[0], expected, atol=1e-4, rtol=1e-4)

"""Circular encoders, terms, preconditioners and resizing: pictures that wrap around."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from impasto.errors import OptionError
from impasto.losses.total_variation import VARIATIONS, total_variation
from impasto.nn.padding import pad
from impasto.objective.terms import CircularVariation
from impasto.optim.circular_preconditioner import CircularPreconditioner
from impasto.painting.texture import resize_circular


@pytest.mark.parametrize("size", [(32, 48), (32, 32)])
def test_circular_features_are_those_of_a_tiled_plane(encoder, size):
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
    layers = ["conv1_1", "relu3_1", "pool4"]
    alone = encoder.circular()(image, layers)
    # pool4 sees 15 px beyond its position: less than one tile.
    repeated = encoder(image.repeat(1, 1, 5, 5), layers)
    for name in layers:
        height, width = alone[name].shape[-2:]
        middle = repeated[name][..., 2 * height : 3 * height, 2 * width : 3 * width]
        torch.testing.assert_close(alone[name], middle)


def test_circular_features_are_shift_equivariant(encoder):
    image = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    circular = encoder.circular()
    features = circular(image, ["relu4_1"])["relu4_1"]
    rolled = circular(image.roll((16, 24), (-2, -1)), ["relu4_1"])["relu4_1"]
    torch.testing.assert_close(rolled, features.roll((2, 3), (-2, -1)))


def test_a_circular_encoder_shares_the_weights_and_stays_channels_last(encoder):
    circular = encoder.circular()
    assert circular.convolutions is encoder.convolutions
    features = circular(torch.rand(1, 3, 32, 32), ["relu2_1"])["relu2_1"]
    assert features.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("kind", VARIATIONS)
def test_circular_variation_counts_every_neighbour_once(kind):
    image = torch.rand(1, 3, 6, 7, generator=torch.Generator().manual_seed(0)).double()
    term = CircularVariation(2.0, kind)
    value = term({"image": image})["tv"]
    # Of k × k repeats, k² times the circular sum lies inside but for the border, which vanishes.
    many = total_variation(image.repeat(1, 1, 60, 60), kind)
    assert float(value) == pytest.approx(2 * float(many), rel=0.01)
    rolled = term({"image": image.roll((3, 2), (-2, -1))})["tv"]
    torch.testing.assert_close(rolled, value)
    with pytest.raises(OptionError, match="l1"):
        CircularVariation(1.0, "l7")


@pytest.mark.parametrize("size", [(32, 48), (33, 47)])
def test_circular_preconditioning_is_symmetric_and_shift_equivariant(size):
    random = torch.Generator().manual_seed(0)
    a, b = (torch.randn(1, 3, *size, generator=random) for _ in range(2))
    mapped = CircularPreconditioner(size, 0.5)
    assert float((mapped(a) * b).sum()) == pytest.approx(float((a * mapped(b)).sum()), rel=1e-3)
    torch.testing.assert_close(mapped(a.roll(9, -1)), mapped(a).roll(9, -1), rtol=1e-4, atol=1e-5)
    assert float(mapped(a).square().mean()) == pytest.approx(1, rel=0.1)
    assert mapped(a).is_contiguous()
    assert CircularPreconditioner(size, 0.0)(a) is a


def test_resizing_filters_across_the_borders():
    image = torch.rand(1, 3, 16, 32, generator=torch.Generator().manual_seed(0))
    larger = resize_circular(image, (32, 64))
    rolled = resize_circular(image.roll((8, 16), (-2, -1)), (32, 64))
    torch.testing.assert_close(rolled, larger.roll((16, 32), (-2, -1)))


def test_pad_circular():
    x = torch.rand(1, 2, 4, 5)
    assert torch.equal(pad(x, "circular"), F.pad(x, (1, 1, 1, 1), mode="circular"))

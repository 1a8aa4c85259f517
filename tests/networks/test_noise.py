"""Noise as a function of position, and networks that paint from it."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.random_inputs import smooth_picture
from helpers.tiny_networks import any_style, fixed_styles, network, styles_with_palettes, vectors
from impasto.errors import OptionError
from impasto.networks.files import load_network, save_network
from impasto.networks.net2net import noisy_network, recolouring_network
from impasto.networks.noise import PERIOD, noise, noise_tile
from impasto.networks.paint_network import PaintNetwork

places = st.integers(0, 100_000)
sides = st.integers(1, 9)


@given(places, places, sides, sides, st.integers(1, 5))
def test_noise_is_a_function_of_place_alone(row, column, height, width, channels):
    whole = noise(noise_tile(channels + 1), (height + 3, width + 5), origin=(row, column))
    part = noise(noise_tile(channels), (height, width), origin=(row + 2, column + 4))
    assert torch.equal(part, whole[:, :channels, 2 : height + 2, 4 : width + 4])


@given(places, places, st.integers(0, 20))
def test_noise_is_the_hash_that_it_says(row, column, channel):
    """MurmurHash3's finalizer in Python's own integers: no machine may paint another picture."""
    h = row % PERIOD * 0x9E3779B1 + column % PERIOD * 0x85EBCA77
    h = (h + channel * 0xC2B2AE3D + 0x27D4EB2F) % 2**32
    h = (h ^ h >> 16) * 0x85EBCA6B % 2**32
    h = (h ^ h >> 13) * 0xC2B2AE35 % 2**32
    levels = range(256)
    deviation = (sum((level - 127.5) ** 2 for level in levels) / 256) ** 0.5
    expected = (((h ^ h >> 16) >> 24) - 127.5) / deviation
    found = noise(noise_tile(channel + 1), (1, 1), origin=(row, column))[0, channel, 0, 0]
    assert float(found) == pytest.approx(expected, abs=1e-6)


def test_noise_is_white():
    """16,384 numbers: what is by chance has a deviation of 1/128; four of them are allowed."""
    x = noise_tile(4)[0].double()
    for maps in (x, x.square() / x.square().std()):
        maps = maps - maps.mean((1, 2), keepdim=True)
        shifts = [(0, 1), (1, 0), (1, 1), (1, -1), (2, 0), (0, 8)]
        for other in [maps.roll(shift, (1, 2)) for shift in shifts] + [maps.roll(1, 0)]:
            assert ((maps * other).mean((1, 2)).abs() < 4 / 128).all()
    assert (x.mean((1, 2)).abs() < 4 / 128).all()
    assert ((x.square().mean((1, 2)) - 1).abs() < 4 / 128).all()
    assert float(x.abs().max()) <= 3**0.5


def test_only_noise_tells_the_places_of_a_uniform_picture_apart():
    """Without it one unit of the coarsest map is painted as the next; nor does the origin count."""
    plain = torch.full((1, 3, 160, 160), 0.5)
    for name, varies in (("paint", False), ("paint-noise", True)):
        painter = network(name)
        style = vectors(1, painter.style_size)
        here, there = (painter(plain, style, origin=(0, column)) for column in (0, 160))
        difference = (here[..., 64:80, 64:80] - here[..., 64:80, 80:96]).abs().max()
        assert (float(difference) > 1e-3) == varies
        assert torch.equal(here, there) != varies


@pytest.mark.parametrize("kind", ["paint", "recolour"])
def test_added_noise_is_all_that_changes_but_the_enlargement(kind, tmp_path):
    before = fixed_styles(kind, "old")
    after = noisy_network(before, 3).frozen()
    old, new = before.network, after.network
    assert isinstance(new, PaintNetwork)
    assert isinstance(old, PaintNetwork)
    assert new.shape.noise == 3
    photo, style = smooth_picture(48, 64, seed=1), styles_with_palettes(old)
    noisy = new(photo, style)
    save_network(tmp_path / "noisy.safetensors", after, dtype=torch.float32)
    assert torch.equal(load_network(tmp_path / "noisy.safetensors").network(photo, style), noisy)
    old._enlarged = new._enlarged
    plain = old(photo, style)
    assert 0.001 < float((noisy - plain).abs().mean()) < 0.1
    for name in ("eighth", "sixteenth"):
        added, filters = (new.convolution(f"{part}{name}").weight for part in ("noise_", ""))
        ratio = added.flatten(1).norm(dim=1).mean() / filters.flatten(1).norm(dim=1).mean()
        assert 4 < float(ratio) < 12
        with torch.no_grad():
            added.zero_()
    torch.testing.assert_close(new(photo, style), plain, rtol=0, atol=1e-6)


def test_noise_is_added_once_and_to_networks_that_take_it(encoder):
    for model in (fixed_styles("johnson", "old"), fixed_styles("paint-noise", "old")):
        with pytest.raises(OptionError, match="paint and recolour that have none: leave noise out"):
            noisy_network(model, 2)
    assert noisy_network(recolouring_network(any_style("paint", encoder)), 2).predictor is not None

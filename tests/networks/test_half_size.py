"""The first and last layers with few copies equal the plain operations."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from impasto.networks import half_size
from impasto.networks.normalization import Moments, run_staged
from impasto.networks.paint_network import PaintNetwork
from impasto.nn import bands
from impasto.runtime import strips


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = PaintNetwork().double()
        for parameter in made.parameters():
            if parameter.ndim == 1:
                torch.nn.init.normal_(parameter)
    return made


def random(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("size", [(32, 48), (64, 32)])
def test_with_and_without_gradients_the_picture_is_the_same(network, batch, size):
    image, styles = random(batch, 3, *size), random(batch, network.style_size) - 0.5
    with torch.no_grad():
        fast = network(image, styles)
    torch.testing.assert_close(fast, network(image, styles).detach(), rtol=0, atol=1e-6)
    assert fast.std() > 0.01


def test_one_style_serves_a_batch(network):
    image, style = random(2, 3, 32, 32), random(1, network.style_size)
    with torch.no_grad():
        together = network(image, style)
        single = [network(part, style) for part in image.split(1)]
    torch.testing.assert_close(together, torch.cat(single), rtol=0, atol=1e-6)


def test_with_style_maps_too(network):
    image, styles = random(1, 3, 32, 48), random(2, network.style_size)
    shares = random(1, 2, 32, 48)
    style = {}
    for name, parts in network.split(styles).items():
        spread = F.avg_pool2d(shares, network.strides[name])
        style[name] = tuple(torch.einsum("brhw,rc->bchw", spread, part) for part in parts)

    def painted():
        forward = network.staged_forward(image, style)
        x = next(forward)
        try:
            while True:
                flat = x.detach().flatten(2)
                x = forward.send(Moments(flat.mean(2), flat.square().mean(2)))
        except StopIteration as end:
            return end.value.detach()

    with torch.no_grad():
        fast = painted()
    torch.testing.assert_close(fast, painted(), rtol=0, atol=1e-6)


def test_pixel_unshuffle_into_is_torchs():
    image, out = random(2, 3, 8, 12), torch.zeros(2, 12, 4, 6, dtype=torch.float64)
    half_size.pixel_unshuffle_into(image, out)
    assert torch.equal(out, F.pixel_unshuffle(image, 2))
    pixels = (255 * image).round().to(torch.uint8)
    half_size.pixel_unshuffle_into(pixels, out)
    torch.testing.assert_close(out, F.pixel_unshuffle(pixels / 255, 2).double())


@pytest.mark.parametrize("units", [24, 60, 100])
@pytest.mark.parametrize("mapped", [False, True])
def test_band_by_band_the_picture_is_the_same(network, units, mapped, monkeypatch):
    """At 144×80 px, a quarter is 36×20 units: bands of 2, of 2 or 4, and of 4 or 6 rows."""
    image, style = random(2, 3, 144, 80), network.split(random(2, network.style_size) - 0.5)
    if mapped:
        style = {n: tuple(_spread(p, network.strides[n]) for p in ps) for n, ps in style.items()}
    with torch.no_grad():
        at_once = run_staged(network.staged_forward(image, style))
        monkeypatch.setattr(bands, "MAX_UNITS", units)
        monkeypatch.setattr(strips, "STRIP_ELEMENTS", 1000)
        banded = run_staged(network.staged_forward(image, style))
    torch.testing.assert_close(banded, at_once, rtol=0, atol=1e-6)


def _spread(parts, stride):
    """γ or β (B, C) as a map of 144×80 px that differs from place to place."""
    size = (144 // stride, 80 // stride)
    return parts[..., None, None] * (0.5 + random(len(parts), 1, *size).to(parts))


def test_a_uint8_picture(network):
    pixels = (255 * random(1, 3, 32, 48)).round().to(torch.uint8)
    style = network.split(random(1, network.style_size))
    with torch.no_grad():
        painted = run_staged(network.staged_forward(pixels, style))
        expected = run_staged(network.staged_forward(pixels / 255, style))
    assert painted.dtype == torch.uint8
    assert float((painted - 255 * expected).abs().max()) < 0.51


def test_a_shift_for_each_picture(network):
    """Of one scale for all: γ (1, C) and β (B, C)."""
    layers = half_size.LastLayers(
        *(network.convolution(name) for name in ("detail", "head", "picture"))
    )
    quarter, picture = random(2, layers.detail.in_channels, 8, 8), random(2, 3, 32, 32)
    scale, shift = random(1, layers.head.out_channels), random(2, layers.head.out_channels) - 0.5
    with torch.no_grad():
        both = layers(quarter, picture, scale, shift)
        for one in (slice(0, 1), slice(1, 2)):
            alone = layers(quarter[one], picture[one], scale, shift[one])
            torch.testing.assert_close(both[one], alone)

"""The recolouring network: a paint network on a photograph in the style's colours."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from helpers.random_inputs import smooth_picture
from helpers.tiny_networks import (
    SHAPE,
    network,
    painted_with_gradients,
    styles_with_palettes,
    vectors,
)
from impasto.losses.moments import mean_and_gram
from impasto.networks.colour_map import (
    PALETTE_SIZE,
    Palette,
    colour_map,
    palette_numbers,
    palette_of_numbers,
    recoloured,
    with_palette,
)
from impasto.networks.model import OnePassModel
from impasto.networks.paint_network import PaintNetwork
from impasto.networks.recolour_network import RecolourNetwork
from impasto.onepass.stylist import SpatialStyle, Stylist


@pytest.fixture(scope="module")
def net() -> RecolourNetwork:
    made = network("recolour")
    assert isinstance(made, RecolourNetwork)
    return made


def of_fours(height: int, width: int, seed: int) -> Tensor:
    """A picture of blocks of 4 × 4 px: palettes are measured on every fourth pixel."""
    return (
        smooth_picture(height // 4, width // 4, seed=seed)
        .repeat_interleave(4, 2)[..., :height, :]
        .repeat_interleave(4, 3)
    )


def palette(picture: Tensor) -> Palette:
    return palette_of_numbers(palette_numbers(mean_and_gram(picture, None)))


@torch.no_grad()
def test_black_and_white_styles_paint_black_and_white(net):
    grey = smooth_picture(32, 32, seed=5).mean(1, keepdim=True).expand(-1, 3, -1, -1)
    style = with_palette(vectors(1, net.style_size), grey, net.palette_size)
    painted = net(smooth_picture(64, 64, seed=6), style)
    assert (painted.amax(1) - painted.amin(1)).max() < 0.03
    assert painted.std() > 0.02


@torch.no_grad()
def test_it_is_a_paint_network_on_a_recoloured_photograph(net):
    plain = PaintNetwork(SHAPE).eval()
    plain.load_state_dict(net.state_dict())
    image, look = of_fours(64, 80, seed=1), smooth_picture(32, 48, seed=2)
    style = with_palette(vectors(1, net.style_size), look, net.palette_size)
    expected = painted_with_gradients(plain, recoloured(image, look), style[:, :-PALETTE_SIZE])
    expected = colour_map(*map(palette, (image, look))).bounded(expected).clamp(0, 1)
    torch.testing.assert_close(net(image, style), expected, rtol=0, atol=2e-5)


@torch.no_grad()
def test_the_own_palette_changes_no_colour(net):
    image = of_fours(64, 64, seed=5)
    style = with_palette(vectors(1, net.style_size), image, net.palette_size)
    plain = PaintNetwork(SHAPE).eval()
    plain.load_state_dict(net.state_dict())
    expected = plain(image, style[:, :-PALETTE_SIZE])
    assert (net(image, style) - expected).abs().max() < 0.03  # but for the floors of deviations


def test_all_of_it_learns():
    made = RecolourNetwork(SHAPE).train()
    style = styles_with_palettes(made).requires_grad_(True)
    made(smooth_picture(64, 64, seed=8), style).square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in made.parameters())
    assert style.grad is not None
    assert style.grad[:, :-PALETTE_SIZE].any()
    assert not style.grad[:, -PALETTE_SIZE:].any()  # measured, not learnt


@torch.no_grad()
def test_regions_of_one_style_are_painted_as_that_style(net):
    image, style = smooth_picture(64, 64, seed=9), styles_with_palettes(net)
    where = torch.rand(1, 2, 64, 64, generator=torch.Generator().manual_seed(0))
    stylist = Stylist(OnePassModel(net), precision="float32")
    one = stylist.paint(image, SpatialStyle(style, None))
    both = stylist.paint(image, SpatialStyle(style.expand(2, -1), where))
    torch.testing.assert_close(both, one, rtol=0, atol=2e-5)


@torch.no_grad()
def test_a_region_is_hardly_paler_beside_a_dark_one(net):
    """The first layer, whose output is normalized, sees the same colours in both regions."""
    image, left = smooth_picture(64, 128, seed=9), torch.zeros(1, 2, 64, 128)
    left[:, 0, :, :64], left[:, 1, :, 64:] = 1, 1
    look = smooth_picture(32, 32, seed=1)
    vector = vectors(1, net.style_size)
    light, dark = (with_palette(vector, part, net.palette_size) for part in (look, look * 0.2))
    stylist = Stylist(OnePassModel(net), precision="float32")
    alone = stylist.paint(image, SpatialStyle(light, None))[..., :48]
    beside = stylist.paint(image, SpatialStyle(torch.cat([light, dark]), left))[..., :48]
    assert abs(float((beside - alone).mean())) < 0.02

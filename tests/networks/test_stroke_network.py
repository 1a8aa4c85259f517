"""The stroke network: one style, batches, regions, halos and colours."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from helpers.random_inputs import smooth_picture
from helpers.tiny_networks import network, styles_with_palettes, vectors
from impasto.errors import OptionError
from impasto.networks.colour_map import with_palette
from impasto.networks.normalization import moments_of
from impasto.networks.shapes import StrokeShape
from impasto.networks.stroke_network import StrokeNetwork


@pytest.fixture(scope="module")
def net() -> StrokeNetwork:
    made = network("strokes")
    assert isinstance(made, StrokeNetwork)
    return made


@torch.no_grad()
def test_beyond_its_halo_a_tile_sees_nothing(net):
    size, unit = 2 * net.halo + 16, slice(net.halo, net.halo + 16)
    image, style = smooth_picture(size, 32, seed=4), net.split(styles_with_palettes(net))
    other = image.clone()
    other[:, :, :16] = 1 - other[:, :, :16]
    known: list = []

    def painted(picture: Tensor, *, record: bool) -> Tensor:
        forward = net.staged_forward(picture, style)
        try:
            x = next(forward)
            index = 0
            while True:
                if record:
                    known.append(moments_of(x))
                x = forward.send(known[index])
                index += 1
        except StopIteration as end:
            return end.value

    before = painted(image, record=True)
    change = (painted(other, record=False) - before).abs().amax((0, 1, 3))
    assert change[:16].max() > 1e-3
    assert change[unit].max() == 0
    reach = int(change.nonzero().max())
    assert reach >= net.halo // 3  # the halo is no wild overestimate


@torch.no_grad()
def test_black_and_white_styles_paint_black_and_white(net):
    grey = smooth_picture(32, 32, seed=5).mean(1, keepdim=True).expand(-1, 3, -1, -1)
    style = with_palette(vectors(1, net.style_size), grey, net.palette_size)
    painted = net(smooth_picture(64, 64, seed=6), style)
    assert (painted.amax(1) - painted.amin(1)).max() < 0.05
    assert painted.std() > 0.02


@torch.no_grad()
def test_the_photographs_palette_is_that_of_the_whole_picture(net):
    image = smooth_picture(64, 64, seed=7)
    pale = 0.5 + 0.5 * (image - 0.5)  # the same picture in whitened colours, but for the floor
    first, second = net(image, styles_with_palettes(net)), net(pale, styles_with_palettes(net))
    assert (first - second).abs().mean() < 0.1 * first.std()
    halves = [net(part, styles_with_palettes(net)) for part in image.split(32, 3)]
    assert (torch.cat(halves, 3) - first).abs().mean() > 0.1 * first.std()


def test_in_training_nothing_is_clipped():
    torch.manual_seed(0)
    made = StrokeNetwork(StrokeShape((8, 8, 8), (1, 1, 1, 1), 4, 4, 2)).train()
    style = with_palette(3 * vectors(1, made.style_size), torch.rand(1, 3, 8, 8), made.palette_size)
    painted = made(smooth_picture(64, 64, seed=8), style.requires_grad_(True))
    assert painted.min() < 0 or painted.max() > 1
    painted.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in made.parameters())


@pytest.mark.parametrize(
    "wrong", [{"widths": (0, 8, 8)}, {"filters": 0}, {"blocks": (1, 1, -1, 1)}]
)
def test_impossible_shapes_are_refused(wrong):
    with pytest.raises(OptionError, match="at least 1"):
        StrokeShape(**wrong)


def test_blocks_at_a_quarter_begin_as_next_to_nothing(net):
    style = net.initial_style[None]
    parts = net.split(style)
    scale, shift = parts["stroke0b"]
    assert scale.unique().tolist() == pytest.approx([0.1])
    assert not shift.any()
    others = [part for name, part in parts.items() if name != "stroke0b" and len(part) == 2]
    assert all((scale == 1).all() and not shift.any() for scale, shift in others)

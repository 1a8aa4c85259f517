"""Tiles of any size give the losses and gradients of the whole picture."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.random_inputs import random_encoder, smooth_picture
from impasto.encoders.vgg import Architecture, Encoder
from impasto.errors import OptionError
from impasto.losses.statistics import STATISTICS
from impasto.objective.objective import Objective
from impasto.objective.terms import ContentTerm, StyleTerm, TotalVariation
from impasto.objective.tiled import TiledObjective
from impasto.objective.tiles import plan_tiles, whole_tile

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1")
STRIDE = 4

DEEP = random_encoder(Architecture((4, 6, 8), (2, 2, 1), padding="reflect"))
"""Three blocks: relu3_1 has stride 4 and sees 2·1 + 2·2 + 4 = 10 px each way."""


def tiled(objective: Objective, encoder: Encoder, size: tuple[int, int], side: int):
    halo = encoder.halo(objective.layers)
    return TiledObjective(objective, encoder, plan_tiles(size, side, stride=STRIDE, halo=halo))


def region(size: tuple[int, int]) -> dict[str, torch.Tensor]:
    """A soft region that leaves some tiles empty, at every layer."""
    maps = {}
    for name in STYLE_LAYERS:
        height, width = (length // DEEP.stride(name) for length in size)
        plane = torch.linspace(-0.7, 1, width).clamp_min(0).expand(1, 1, height, width).clone()
        plane[..., : height // 3, :] *= 0.3
        maps[name] = plane
    return maps


def close(one: torch.Tensor, other: torch.Tensor) -> None:
    assert float((one - other).norm() / other.norm()) < 1e-4


@pytest.mark.parametrize("statistic", [n for n, s in STATISTICS.items() if s.is_mean])
@pytest.mark.parametrize("masked", [False, True])
def test_losses_and_gradients_equal_those_of_the_whole_picture(statistic, masked):
    image, content = smooth_picture(91, 118, seed=1), smooth_picture(91, 118, seed=2)
    style = DEEP(smooth_picture(70, 83, seed=3), STYLE_LAYERS)
    maps = region((91, 118)) if masked else None
    objective = Objective(
        [
            StyleTerm(style, statistic=statistic, maps=maps),
            ContentTerm(DEEP(content, ["relu2_2"]), weight=0.3),
            TotalVariation(2.0),
        ],
        DEEP,
    )
    losses, gradient = objective.gradient(image)
    for side in (16, 37, 64):
        work = tiled(objective, DEEP, (91, 118), side)
        tiled_losses, slope = work.gradient(image)
        assert tiled_losses == pytest.approx(losses, rel=1e-4)
        close(slope, gradient)


@pytest.mark.parametrize("size", [(64, 64), (65, 99), (30, 200), (17, 18)])
@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.parametrize("padding", ["zeros", "reflect", "replicate"])
def test_odd_sizes_and_every_padding(size, pooling, padding):
    architecture = Architecture((4, 6, 8), (2, 2, 1), pooling=pooling, padding=padding)
    encoder = random_encoder(architecture)
    features = encoder(smooth_picture(48, 48, seed=3), STYLE_LAYERS)
    objective = Objective([StyleTerm(features)], encoder)
    image = smooth_picture(*size, seed=1)
    losses, gradient = objective.gradient(image)
    tiled_losses, slope = tiled(objective, encoder, size, 20).gradient(image)
    assert tiled_losses == pytest.approx(losses, rel=1e-4)
    close(slope, gradient)


def test_a_smaller_halo_changes_the_result():
    """The test above can fail: a halo one unit short is noticed."""
    style = DEEP(smooth_picture(70, 83, seed=3), STYLE_LAYERS)
    objective = Objective([StyleTerm(style)], DEEP)
    image = smooth_picture(96, 96, seed=1)
    _, gradient = objective.gradient(image)
    short = plan_tiles((96, 96), 32, stride=STRIDE, halo=DEEP.halo(STYLE_LAYERS) - 6)
    _, slope = TiledObjective(objective, DEEP, short).gradient(image)
    assert float((slope - gradient).norm() / gradient.norm()) > 1e-3


def test_halo_is_the_receptive_field_of_the_deepest_layer():
    """The gradient of one unit reaches as far as the halo says, and no further."""
    image = smooth_picture(64, 64, seed=0).requires_grad_(True)
    feature = DEEP(image, ["relu3_1"])["relu3_1"]
    row = 8
    (gradient,) = torch.autograd.grad(feature[..., row, 8].sum(), image)
    rows = torch.nonzero(gradient.abs().sum((0, 1, 3))).flatten()
    halo = DEEP.halo(["relu3_1"])
    assert halo == 10
    assert row * STRIDE - halo <= int(rows.min())
    assert int(rows.max()) < (row + 1) * STRIDE + halo


@given(st.integers(4, 300), st.integers(4, 300), st.integers(1, 200), st.integers(0, 50))
def test_cores_cover_the_picture_once(height, width, side, halo):
    count = torch.zeros(height, width)
    tiles = plan_tiles((height, width), side, stride=STRIDE, halo=halo)
    for tile in tiles:
        count[slice(*tile.rows), slice(*tile.columns)] += 1
        assert tile.rows[0] % STRIDE == tile.outer_rows[0] % STRIDE == 0
    assert (count == 1).all()
    for stride in (1, 2, 4):
        assert sum(tile.share(stride) for tile in tiles) == pytest.approx(1)


def test_one_tile_can_be_the_whole_picture():
    tile = whole_tile((40, 50))
    image = smooth_picture(40, 50, seed=1)
    assert tile.is_whole
    assert tile.cut(image).shape == image.shape
    assert tile.core(image, 1) is image


def test_a_statistic_that_is_not_a_mean_cannot_be_tiled():
    style = DEEP(smooth_picture(70, 83, seed=3), STYLE_LAYERS)
    objective = Objective([StyleTerm(style, statistic="sliced")], DEEP)
    with pytest.raises(OptionError, match=r"sliced is not a mean over positions.*memory"):
        tiled(objective, DEEP, (64, 64), 32)

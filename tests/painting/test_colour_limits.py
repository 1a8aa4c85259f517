"""A style's chroma bounds the painting's: in every recipe, statistic, region and size."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from helpers.quick_paintings import COLD, FAST, SMALL, WARM, finish, left
from helpers.random_inputs import smooth_picture
from impasto.images.picture import Picture, as_uint8
from impasto.jobs.initial_image import open_initial_image
from impasto.losses.registry import STATISTICS
from impasto.optim.constraints import BOX
from impasto.optim.optimizers import OPTIMIZERS
from impasto.painting.painter import Painter
from impasto.painting.texture import TexturePainter
from impasto.recipes.presets import RECIPES, get_recipe
from impasto.regions.regions import Region
from impasto.weights.open import open_encoder


def greyed(picture: Tensor, chroma: float) -> Picture:
    """A picture with a part of its chroma; exactly grey without any."""
    grey = picture.mean(1, keepdim=True).repeat(1, 3, 1, 1)
    return Picture(torch.lerp(grey, picture, chroma) if chroma else grey)


GREY, NEAR_GREY = (greyed(smooth_picture(60, 80, seed=6), chroma) for chroma in (0.0, 0.02))


def spread(picture: Tensor) -> Tensor:
    """Max − min of red, green and blue, in levels of the 8-bit file, (H, W)."""
    levels = as_uint8(picture)[0].int()
    return levels.amax(0) - levels.amin(0)


@pytest.fixture(scope="module")
def compact():
    return open_encoder("compact")


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("name", RECIPES)
def test_grey_styles_give_grey_pictures(name, statistic, compact):
    photo = Picture(smooth_picture(48, 64, seed=5))
    recipe = get_recipe(name).replace(
        size=64, scales=1, steps=2, encoder="compact", style_loss=statistic
    )
    start = open_initial_image(recipe)
    painter = Painter(photo, [GREY], recipe, encoder=compact, initial_image=start)
    first = painter.image
    picture = finish(painter)
    assert spread(picture).max() == 0
    assert (picture - first).abs().mean() > 1e-4


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_through_all_sizes(encoder, content, optimizer):
    recipe = SMALL.replace(optimizer=optimizer)
    for step in (painter := Painter(content, [GREY], recipe, encoder=encoder)):
        assert spread(step.image).max() == 0
    assert painter.done
    coloured = finish(Painter(content, [GREY], recipe.replace(gamut="srgb"), encoder=encoder))
    assert spread(coloured).float().mean() > 3


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_near_grey_styles_give_near_grey_pictures(encoder, content, optimizer):
    recipe = SMALL.replace(optimizer=optimizer)
    painter = Painter(content, [NEAR_GREY], recipe, encoder=encoder)
    picture, (bound,) = finish(painter), painter._limits.bounds
    assert bound.excess(picture).max() <= 1 + 1e-4
    own = spread(NEAR_GREY.tensor).float().mean()
    assert 0 < spread(picture).float().mean() < own + 2
    assert spread(picture).float().mean() > 0.3 * own  # it is not just grey


@pytest.mark.parametrize("styles", [[WARM], [WARM, COLD], [WARM, GREY]])
def test_colourful_styles_are_painted_as_without_a_bound(encoder, content, styles):
    painter = Painter(content, styles, FAST, encoder=encoder)
    assert painter.constraint((64, 96)) is BOX
    free = Painter(content, styles, FAST.replace(gamut="srgb"), encoder=encoder)
    assert torch.equal(finish(painter), finish(free))


def test_shares_bound_a_mixture(encoder, content):
    limits = [
        Painter(content, [WARM, GREY], FAST, shares=shares, encoder=encoder)._limits
        for shares in ([1, 100], [1, 1000], [0, 1])
    ]
    small, smaller, none = (each.bounds[0].limits.max() for each in limits)
    assert small > smaller > none == 0


def test_strength_allows_a_part_of_the_photographs_colours(encoder, content):
    def limits(strength):
        recipe = FAST.replace(strength=strength)
        return Painter(content, [GREY], recipe, encoder=encoder)._limits

    near = limits(0.999).bounds[0]
    assert not near.is_grey
    assert near.limits.max() < 0.1
    assert limits(0.5) is None  # the photograph is colourful
    assert limits(0.0) is None


def test_each_region_has_its_own_bound(encoder, content):
    regions = [Region("grey", left(), GREY), Region("warm", 1 - left(), WARM)]
    picture = finish(Painter(content, [WARM], SMALL, regions=regions, encoder=encoder))
    here, there = spread(picture)[:, :48], spread(picture)[:, 48:]
    assert here.max() == 0
    assert there.float().mean() > 20


def test_feathered_regions_change_smoothly(encoder, content):
    mask = torch.linspace(0, 1, 96).expand(1, 1, 64, 96)
    regions = [Region("grey", 1 - mask, GREY), Region("warm", mask, WARM)]
    painter = Painter(content, [WARM], SMALL, regions=regions, encoder=encoder)
    pixels = content.tensor
    expected = torch.lerp(painter._limits.bounds[0].project(pixels), pixels, mask)
    limits = painter.constraint((64, 96))
    torch.testing.assert_close(limits.project(pixels), expected)
    slope = torch.randn_like(pixels)
    _, gradient = torch.func.vjp(lambda x: torch.lerp(luma_of(x), x, mask), pixels)
    torch.testing.assert_close(
        limits.pull_back(pixels, torch.zeros_like(pixels), slope.clone(), 1.0), gradient(slope)[0]
    )


def luma_of(picture: Tensor) -> Tensor:
    weights = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return (picture * weights).sum(1, keepdim=True).expand_as(picture)


def test_a_kept_region_keeps_its_colours(encoder, content):
    regions = [Region("face", left(), keep=True)]
    picture = finish(Painter(content, [GREY], SMALL, regions=regions, encoder=encoder))
    torch.testing.assert_close(picture[..., :48], content.tensor[..., :48])
    assert spread(picture)[:, 48:].max() == 0


def test_a_part_of_a_style_picture_bounds_alone(encoder, content):
    both = torch.cat([GREY.tensor, smooth_picture(60, 80, seed=7)], dim=-1)
    part = torch.zeros(1, 1, 60, 160)
    part[..., :76] = 1  # resizing mixes neighbours
    regions = [Region("all", torch.ones(1, 1, 64, 96), Picture(both), style_mask=part)]
    picture = finish(Painter(content, [COLD], SMALL, regions=regions, encoder=encoder))
    assert spread(picture).max() == 0


def test_penalty_and_gradient_together(encoder, content):
    """Outside of the gamut, the gradient is that of f(project(x)) + ½ p ‖x − project(x)‖²."""
    limits = Painter(content, [NEAR_GREY], FAST, encoder=encoder).constraint((64, 96))
    random = torch.Generator().manual_seed(0)
    pixels = 0.5 + 0.6 * torch.randn(1, 3, 6, 8, generator=random, dtype=torch.float64)
    slope = torch.randn(1, 3, 6, 8, generator=random, dtype=torch.float64)

    def loss(x):
        inside = limits.project(x)
        return float((inside * slope).sum() + 0.5 * 7.0 * (x - inside).square().sum())

    found = limits.pull_back(pixels, pixels - limits.project(pixels), slope.clone(), 7.0)
    direction = torch.randn(pixels.shape, generator=random, dtype=torch.float64)
    for index in range(0, 6 * 8 * 3, 7):
        step = torch.zeros(6 * 8 * 3, dtype=torch.float64)
        step[index] = 1e-6
        step = step.view(pixels.shape)
        expected = (loss(pixels + step) - loss(pixels - step)) / 2e-6
        assert found.flatten()[index] == pytest.approx(expected, rel=1e-4, abs=1e-5)
    step = 1e-6 * direction
    expected = (loss(pixels + step) - loss(pixels - step)) / 2e-6
    assert (found * direction).sum() == pytest.approx(expected, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("tileable", [False, True])
def test_textures(encoder, tileable):
    recipe = SMALL.replace(init="noise", content_weight=0.0)
    painter = TexturePainter([GREY], (64, 64), recipe, tileable=tileable, encoder=encoder)
    assert spread(finish(painter)).max() == 0


@pytest.mark.parametrize("colour", ["luminance", "content"])
def test_colours_of_the_photograph_are_kept_as_asked(encoder, content, colour):
    painter = Painter(content, [WARM], FAST.replace(colour=colour), encoder=encoder)
    picture = finish(painter)
    assert spread(picture).float().mean() > 20
    assert (spread(painter.image).max() == 0) == (colour == "luminance")


def test_tiles_are_painted_in_the_same_colours(encoder):
    content = Picture(smooth_picture(300, 400, seed=1))
    recipe = SMALL.replace(size=400, scales=1, steps=2, final_steps=2)

    def painter(memory):
        return Painter(content, [GREY], recipe, encoder=encoder, memory=memory)

    whole = painter(1e12)
    tiled = painter(whole.objective_builder.peak_bytes((300, 400)) - 1e6)
    assert tiled.objective_builder.side((300, 400)) is not None
    picture = finish(tiled)
    assert spread(picture).max() == 0
    torch.testing.assert_close(picture, finish(whole), atol=2e-3, rtol=0)

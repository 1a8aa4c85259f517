"""Strength: from the photograph to the full painting in even steps."""

import itertools
import math

import pytest
import torch

from helpers.quick_paintings import WARM, finish
from impasto.painting.painter import Painter
from impasto.recipes.recipe import Recipe


@pytest.fixture(scope="module")
def by_strength(sample):
    """A photograph painted at five strengths, and the encoder that judges it."""
    photo, style, judge = sample
    recipe = Recipe(size=96, precision="float32", steps=30, final_steps=15)
    pictures = {
        strength: finish(Painter(photo, [style], recipe.replace(strength=strength), encoder=judge))
        for strength in (0, 0.25, 0.5, 0.75, 1)
    }
    return photo, pictures, judge


def feature_distance(judge, one, other, unit):
    layers = [f"relu{block}_1" for block in range(1, 6)]
    features, other_features, units = (judge(picture, layers) for picture in (one, other, unit))
    squares = [
        float((features[n] - other_features[n]).square().mean() / units[n].square().mean())
        for n in layers
    ]
    return math.sqrt(sum(squares))


def test_strength_zero_is_the_photograph(by_strength):
    photo, pictures, _ = by_strength
    torch.testing.assert_close(pictures[0], photo.tensor, atol=2 / 255, rtol=0)


@pytest.mark.parametrize("colour", ["content", "luminance", "match"])
def test_strength_zero_is_the_photograph_in_any_colours(paint, content, colour):
    picture = paint([WARM], colour=colour, strength=0, tv_weight=1.0)
    torch.testing.assert_close(picture, content.tensor, atol=2 / 255, rtol=0)


def test_strength_has_even_steps(by_strength):
    photo, pictures, judge = by_strength
    away = [feature_distance(judge, p, photo.tensor, photo.tensor) for p in pictures.values()]
    steps = [b - a for a, b in itertools.pairwise(away)]
    between = [
        feature_distance(judge, a, b, photo.tensor)
        for a, b in itertools.pairwise(pictures.values())
    ]
    assert min(steps) > 0
    assert max(steps) < 2 * min(steps)
    assert max(between) < 4 * min(between)

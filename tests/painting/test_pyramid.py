"""The sizes of a painting, coarse to fine, and the steps at each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impasto.painting.pyramid import Stage, plan_stages
from impasto.recipes.recipe import Recipe

SIDES = st.integers(1, 4000)
SCALES = st.integers(0, 20)
LEAST = st.integers(2, 64)
RATIOS = st.floats(1.1, 4)


def sizes(
    recipe: Recipe, content: tuple[int, int], minimum_side: int = 32
) -> list[tuple[int, int]]:
    return [stage.size for stage in plan_stages(recipe, content, minimum_side=minimum_side)]


def test_a_pyramid_by_hand():
    recipe = Recipe(scale_ratio=2**0.5, smallest=128, steps=80, final_steps=10)
    stages = plan_stages(recipe, (384, 512))
    # 512/√2⁴ = 128, 512/√2³ = 181, 512/2 = 256, 512/√2 = 362.
    assert [stage.size for stage in stages] == [
        (96, 128), (136, 181), (192, 256), (272, 362), (384, 512)
    ]  # fmt: skip
    assert [stage.steps for stage in stages] == [80, 80, 80, 80, 10]
    assert stages[0].work == 80 * 96 * 128


def test_sizes_of_the_default_recipe_differ_by_two():
    assert sizes(Recipe(), (384, 512)) == [(48, 64), (96, 128), (192, 256), (384, 512)]


@given(SIDES, SIDES, SCALES, LEAST, st.integers(32, 1000), RATIOS)
def test_sizes(height, width, scales, minimum_side, smallest, ratio):
    recipe = Recipe(scales=scales, smallest=smallest, scale_ratio=ratio, paint_size=0)
    stages = sizes(recipe, (height, width), minimum_side)
    assert stages[-1] == (height, width)
    assert all(min(size) >= minimum_side for size in stages[:-1])
    for index, size in enumerate(reversed(stages)):
        exact = [side / ratio**index for side in (height, width)]
        assert max(size) == round(max(exact))
        # The short side is rounded after the long one.
        assert abs(min(size) - min(exact)) <= 1
    if scales:
        assert len(stages) <= scales
    else:
        assert len(stages) == 1 or max(stages[0]) >= smallest - 1


@given(st.integers(32, 4000), st.integers(32, 1000), RATIOS)
def test_as_many_steps_as_fit(side, smallest, ratio):
    recipe = Recipe(smallest=smallest, scale_ratio=ratio, paint_size=0)
    count = len(sizes(recipe, (side, side), 2))
    assert count == 1 or side / ratio ** (count - 1) > smallest * (1 - 1e-6)
    assert side / ratio**count < smallest * (1 + 1e-6)


@given(st.integers(64, 4000), SCALES)
def test_sizes_grow(side, scales):
    stages = sizes(Recipe(scales=scales), (side, side // 2))
    assert stages == sorted(set(stages))


def test_one_scale_paints_at_full_size_only():
    assert plan_stages(Recipe(scales=1, steps=7), (300, 400)) == (Stage((300, 400), 7),)
    assert plan_stages(Recipe(steps=7), (20, 30)) == (Stage((20, 30), 7),)


@pytest.mark.parametrize("content", [(1, 5000), (5000, 1), (1, 1), (33, 4000)])
def test_slivers_are_painted_at_their_own_size(content):
    assert sizes(Recipe(scales=5), content) == [content]


def test_many_scales_stop_at_the_minimum_side():
    recipe = Recipe(scales=64, scale_ratio=2**0.5)
    assert sizes(recipe, (100, 200), minimum_side=50) == [
        (50, 100),
        (70, 141),
        (100, 200),
    ]


@given(st.integers(1, 10**5), st.integers(0, 10**5), st.integers(2, 7))
def test_steps_of_the_smaller_sizes_and_of_the_last(first, last, count):
    """Without any at the last the picture still ends there: it is only enlarged to it."""
    recipe = Recipe(steps=first, final_steps=last, scales=count, scale_ratio=1.4)
    stages = plan_stages(recipe, (400, 300))
    assert [stage.steps for stage in stages] == [first] * (count - 1) + [last]
    assert stages[-1].size == (400, 300)


@given(st.integers(0, 10**5), st.integers(32, 90))
def test_a_single_size_gets_the_final_steps_by_default(last, side):
    for recipe in (Recipe(final_steps=last, scales=1), Recipe(final_steps=last)):
        (stage,) = plan_stages(recipe, (side, 32))
        assert stage == Stage((side, 32), last)
    smaller, *_ = plan_stages(Recipe(final_steps=last, scales=2), (400, 300))
    assert smaller.steps == 10


@given(st.integers(1, 10**5), st.integers(0, 10**5))
def test_a_single_size_gets_the_first_number(first, last):
    recipe = Recipe(steps=first, final_steps=last, scales=1)
    assert [stage.steps for stage in plan_stages(recipe, (400, 300))] == [first]


@given(st.integers(33, 300), st.integers(0, 10))
def test_pictures_beyond_the_paint_size_are_painted_at_it_and_enlarged(size, steps):
    recipe = Recipe(paint_size=size, touch_up_steps=steps)
    stages = plan_stages(recipe, (3000, 4000), minimum_side=16)
    at_paint_size = plan_stages(recipe, (round(0.75 * size), size), minimum_side=16)
    assert stages == (*at_paint_size, Stage((3000, 4000), steps, along_edges=True))


@pytest.mark.parametrize(
    ("content", "changes"),
    [
        ((700, 960), {}),  # a little larger than it
        ((3000, 4000), {"paint_size": 0}),
        ((40, 4000), {}),  # it would be too narrow for the encoder
    ],
)
def test_others_are_painted_at_their_own_size(content, changes):
    stages = plan_stages(Recipe(**changes), content, minimum_side=32)
    assert not any(stage.along_edges for stage in stages)
    assert stages[-1] == Stage(content, 50)

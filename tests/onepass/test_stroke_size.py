"""The size at which pictures are painted."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impasto.onepass.stroke_size import REFERENCE, painted_size, stroke_share

SIDES = st.integers(20, 20000)
SCALES = st.floats(0.05, 20)


@pytest.mark.parametrize("size", [(640, 640), (427, 640), (700, 700), (17, 3000), (5, 5)])
def test_up_to_the_reference_pictures_are_painted_at_their_own_size(size):
    assert painted_size(size, 1.0, 5) == size


@given(SIDES, SIDES)
def test_a_scale_of_0_is_every_picture_at_its_own_size(height, width):
    assert painted_size((height, width), 0, 5) == (height, width)
    assert stroke_share((height, width), 0, 5) == 1


@pytest.mark.parametrize("size", [(3000, 4000), (8192, 12288), (1080, 1920), (4000, 1000)])
def test_large_pictures_are_painted_at_the_reference(size):
    height, width = painted_size(size, 1.0, 5)
    assert math.sqrt(height * width) == pytest.approx(REFERENCE, rel=0.01)
    assert height / width == pytest.approx(size[0] / size[1], rel=0.01)
    assert stroke_share(size, 1.0, 5) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("size", [(600, 400), (3000, 4000)])
@pytest.mark.parametrize("scale", [0.5, 2, 3])
def test_twice_as_large_strokes_are_painted_at_half_the_size(size, scale):
    one, other = painted_size(size, 1.0, 5), painted_size(size, scale, 5)
    assert other[1] == pytest.approx(one[1] / scale, abs=1)
    assert stroke_share(size, scale, 5) == pytest.approx(1, abs=0.02)


@given(SIDES, SIDES, SCALES, st.integers(2, 17))
def test_no_size_is_too_small_or_too_large(height, width, scale, least):
    size = painted_size((height, width), scale, least)
    assert min(size) >= least
    assert max(size) <= 4 * max(height, width) + 1
    assert max(size) <= 1.2 * max(height, width) or scale < 1


@given(SIDES, SIDES, st.floats(0.05, 10))
def test_larger_strokes_are_never_painted_at_a_larger_size(height, width, scale):
    one, other = (painted_size((height, width), s, 5) for s in (scale, 2 * scale))
    assert other[0] <= one[0]
    assert other[1] <= one[1]


def test_a_bound_on_the_size_is_told():
    assert stroke_share((100, 100), 0.1, 5) == pytest.approx(2.5)  # enlarged 4 times, not 10
    assert stroke_share((60, 600), 20, 9) < 0.5  # the short side would be 3 px

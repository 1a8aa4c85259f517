"""Colour spaces, against the published formulae."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck

from helpers.pixels import CUBE, pixel, quick, random_picture, rows_of
from impasto.colour import spaces
from impasto.colour.spaces import SPACES


def light_of(value):
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def oklab_of(red, green, blue):
    r, g, b = map(light_of, (red, green, blue))
    long = math.pow(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b, 1 / 3)
    medium = math.pow(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b, 1 / 3)
    short = math.pow(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b, 1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )


def cielab_of(red, green, blue):
    r, g, b = map(light_of, (red, green, blue))
    ratios = (
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.0890,
    )
    x, y, z = (
        t ** (1 / 3) if t > (6 / 29) ** 3 else t * (29 / 6) ** 2 / 3 + 4 / 29 for t in ratios
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def yiq_of(red, green, blue):
    """From the colour differences that NTSC defines I and Q by."""
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return (
        luma,
        0.736 * (red - luma) - 0.268 * (blue - luma),
        0.478 * (red - luma) + 0.413 * (blue - luma),
    )


# The formula, and how exactly the published numbers agree with each other.
REFERENCES = {"oklab": (oklab_of, 1e-12), "cielab": (cielab_of, 1e-11), "yiq": (yiq_of, 1e-3)}


def test_every_space_has_a_reference():
    assert REFERENCES.keys() == SPACES.keys()


@pytest.mark.parametrize("space", SPACES)
def test_conversion_equals_the_formula(space):
    reference, tolerance = REFERENCES[space]
    picture = torch.cat([random_picture(1, (1, 40)), CUBE], dim=-1)
    expected = [reference(*colours) for colours in rows_of(picture)]
    np.testing.assert_allclose(rows_of(SPACES[space].to(picture)), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("space", "rgb", "expected", "tolerance"),
    [
        ("oklab", (1, 0, 0), (0.62796, 0.22486, 0.12585), 1e-5),
        ("oklab", (0, 1, 0), (0.86644, -0.23389, 0.17950), 1e-5),
        ("oklab", (0, 0, 1), (0.45201, -0.03246, -0.31153), 1e-5),
        ("oklab", (1, 1, 1), (1, 0, 0), 1e-6),
        ("cielab", (1, 0, 0), (53.24, 80.09, 67.20), 0.03),
        ("cielab", (0, 0, 1), (32.30, 79.19, -107.86), 0.03),
        ("cielab", (1, 1, 1), (100, 0, 0), 1e-9),
        ("yiq", (1, 0, 0), (0.299, 0.596, 0.212), 1e-3),
        ("yiq", (0, 0, 1), (0.114, -0.321, 0.311), 1e-3),
    ],
)
def test_known_colours(space, rgb, expected, tolerance):
    got = SPACES[space].to(pixel(*rgb)).flatten().tolist()
    assert got == pytest.approx(expected, abs=tolerance)


def test_linear_light_equals_the_standard():
    values = torch.linspace(0, 1, 500, dtype=torch.float64).view(1, 1, 1, -1)
    expected = [light_of(value) for value in values.flatten().tolist()]
    np.testing.assert_allclose(spaces.to_linear(values).flatten(), expected, rtol=1e-13)
    torch.testing.assert_close(spaces.to_linear(-values), -spaces.to_linear(values))


PAIRS = {
    "linear": (spaces.to_linear, spaces.from_linear),
    **{name: (space.to, space.back) for name, space in SPACES.items()},
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("pair", PAIRS)
@quick
@given(seed=st.integers(0, 2**31), low=st.floats(-0.5, 1), span=st.floats(0, 1.5))
def test_round_trip_from_srgb(pair, dtype, seed, low, span):
    """Also a little outside [0, 1], as filters overshoot."""
    to, back = PAIRS[pair]
    random = torch.Generator().manual_seed(seed)
    picture = low + span * torch.rand(2, 3, 4, 5, generator=random, dtype=dtype)
    assert to(picture).dtype == back(picture).dtype == dtype
    torch.testing.assert_close(back(to(picture)), picture, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pair", PAIRS)
def test_round_trip_to_srgb(pair):
    to, back = PAIRS[pair]
    colours = to(random_picture(3))
    torch.testing.assert_close(to(back(colours)), colours, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("pair", PAIRS)
def test_round_trip_of_the_cube_in_float32(pair):
    to, back = PAIRS[pair]
    assert (back(to(CUBE.float())) - CUBE.float()).abs().max() < 2e-6


@pytest.mark.parametrize("pair", PAIRS)
def test_gradients(pair):
    to, back = PAIRS[pair]
    leaf = (0.9 * random_picture(4, (2, 3)) + 0.06).requires_grad_()
    assert gradcheck(to, leaf)
    assert gradcheck(back, to(leaf.detach()).requires_grad_())


@pytest.mark.parametrize("pair", PAIRS)
def test_gradients_are_finite_at_the_corners(pair):
    to, back = PAIRS[pair]
    for start, function in ((CUBE, to), (to(CUBE), back)):
        leaf = start.clone().requires_grad_()
        function(leaf).sum().backward()
        assert leaf.grad.isfinite().all()
        assert (leaf.grad.abs().sum(1) > 0).all()


@pytest.mark.parametrize("space", SPACES.values(), ids=list(SPACES))
def test_greys_have_no_chroma(space):
    greys = torch.linspace(0, 1, 50, dtype=torch.float64).expand(1, 3, 1, 50)
    colours = space.to(greys)
    assert colours[:, 1:].abs().max() < 1e-7 * space.white
    assert (colours[0, 0, 0].diff() > 0).all()
    assert colours[0, 0, 0, [0, -1]].tolist() == pytest.approx([0, space.white], abs=1e-7)

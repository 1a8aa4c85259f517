"""Edge maps and high-frequency energy against SciPy and scikit-image."""

import math

import numpy as np
import pytest
import scipy.ndimage
import skimage.filters
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from impasto.errors import ImageError, OptionError
from impasto.metrics.edges import (
    STEP_EDGE,
    edge_difference,
    edge_map,
    high_frequency_energy,
    luma,
    render_edge_difference,
    render_edges,
)

STEEPEST = math.sqrt(5) / 4


def grey(values):
    """A plain array (H, W) as a picture."""
    plane = torch.as_tensor(values, dtype=torch.float64)
    return plane.expand(1, 3, *plane.shape)


def noise(seed, height=24, width=31):
    random = torch.Generator().manual_seed(seed)
    return torch.rand(2, 3, height, width, generator=random, dtype=torch.float64)


def test_luma_is_rec_601():
    picture = noise(1)
    red, green, blue = picture.unbind(1)
    torch.testing.assert_close(luma(picture)[:, 0], 0.299 * red + 0.587 * green + 0.114 * blue)


def test_edge_map_matches_scikit_image_up_to_scale():
    picture = noise(2)
    found = edge_map(picture)
    assert found.shape == (2, 1, 24, 31)
    for one, plane in zip(found[:, 0], luma(picture)[:, 0], strict=True):
        expected = skimage.filters.sobel(plane.numpy(), mode="mirror") / math.sqrt(2)
        np.testing.assert_allclose(one.numpy(), expected, atol=1e-12)


def test_a_ramp_has_its_slope_and_a_step_one_half():
    ramp = torch.arange(40.0).mul(0.02).expand(30, 40)
    torch.testing.assert_close(
        edge_map(grey(ramp))[..., 1:-1], torch.full((1, 1, 30, 38), 0.02, dtype=torch.float64)
    )
    torch.testing.assert_close(edge_map(grey(ramp.mT)), edge_map(grey(ramp)).mT)
    step = (torch.arange(40) >= 20).float().expand(30, 40)
    assert edge_map(grey(step)).max().item() == pytest.approx(STEP_EDGE)
    assert edge_map(grey(torch.full((6, 6), 0.3))).max() == pytest.approx(0, abs=1e-15)


def test_the_largest_possible_value():
    values = torch.zeros(5, 5)
    values[2:4, 3] = values[1, 3] = values[3, 2] = 1  # to the right, and below
    assert edge_map(grey(values))[0, 0, 2, 2].item() == pytest.approx(STEEPEST)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(5, 12), st.integers(5, 12))
def test_the_map_stays_in_its_range(seed, height, width):
    found = edge_map(noise(seed, height, width).round())
    assert found.min() >= 0
    assert found.max() <= STEEPEST + 1e-9


def test_edge_map_is_equivariant_to_flips_and_transposition():
    picture = noise(3)
    for change in (lambda x: x.flip(-1), lambda x: x.flip(-2), lambda x: x.mT):
        torch.testing.assert_close(edge_map(change(picture)), change(edge_map(picture)))


def test_a_difference_is_positive_where_edges_are_added():
    flat, step = grey(torch.zeros(8, 8)), grey((torch.arange(8) > 3).double().expand(8, 8))
    difference = edge_difference(step, flat)
    assert difference.max().item() == pytest.approx(STEP_EDGE)
    torch.testing.assert_close(edge_difference(flat, step), -difference)
    red, green, blue = render_edge_difference(difference)[0, :, 4, 3]
    assert red == 1
    assert green == blue == 0
    red, _, blue = render_edge_difference(-difference)[0, :, 4, 3]
    assert (red, blue) == (0, 1)
    assert (render_edge_difference(difference)[..., 0] == 1).all()  # white where nothing changed
    assert render_edges(edge_map(step))[0, :, 4, 3].tolist() == [1, 1, 1]
    with pytest.raises(OptionError, match="resize one"):
        edge_difference(step, grey(torch.zeros(8, 9)))


def test_energy_is_that_of_the_picture_minus_its_blur():
    picture = noise(4)
    for one, plane in zip(high_frequency_energy(picture), luma(picture)[:, 0].numpy(), strict=True):
        blurred = scipy.ndimage.gaussian_filter(plane, 1, mode="mirror", truncate=4)
        assert one.item() == pytest.approx(np.square(plane - blurred).mean(), rel=1e-9)


@pytest.mark.parametrize("period", [3, 5.3, 10])
def test_energy_of_a_wave_has_a_closed_form(period):
    wave = 0.5 + 0.4 * torch.cos(2 * math.pi * torch.arange(20 * 53.0) / period).expand(12, -1)
    share = 1 - math.exp(-2 * math.pi**2 / period**2)
    found = high_frequency_energy(grey(wave)).item()
    assert found == pytest.approx(0.5 * 0.4**2 * share**2, rel=0.02)
    if period == 5.3:
        assert share == pytest.approx(0.5, abs=0.01)


def test_energy_of_a_chequerboard_is_a_quarter_though_its_edge_map_is_zero():
    chequer = grey((torch.arange(20)[:, None] + torch.arange(20)) % 2)
    assert high_frequency_energy(chequer).item() == pytest.approx(0.25, rel=1e-3)
    assert edge_map(chequer).max() == pytest.approx(0, abs=1e-12)
    assert high_frequency_energy(grey(torch.full((9, 9), 0.7))).item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("size", [(4, 30), (30, 4), (1, 1)])
def test_pictures_that_are_too_small(size):
    for function in (edge_map, high_frequency_energy):
        with pytest.raises(ImageError, match="at least 5 px"):
            function(torch.zeros(1, 3, *size))
    assert edge_map(torch.zeros(1, 3, 5, 5)).shape == (1, 1, 5, 5)

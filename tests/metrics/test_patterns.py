"""Lattices of dots and blocks against closed forms, NumPy and what is no lattice."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.metric_inputs import noise, some
from helpers.random_inputs import smooth_picture
from impasto.errors import ImageError, OptionError
from impasto.metrics.patterns import PERIODS, VISIBLE, lattice_excess, lattice_profile


def photograph(height=128, width=150, seed=1):
    return 0.2 + 0.6 * smooth_picture(height, width, seed=seed).double()


def dots(period, height=128, width=150, *, strength=0.2, row=3, column=2):
    """A picture of zeros with a bright pixel in each cell, (1, 1, H, W)."""
    plane = torch.zeros(1, 1, height, width, dtype=torch.float64)
    plane[..., row::period, column::period] = strength
    return plane


def deviation(profile):
    return profile.var((1, 2), correction=0).sqrt()


def profile_by_numpy(difference, period):
    """The definition, pixel by pixel."""
    height, width = difference.shape[1:]
    start = (period - 1) // 2

    def window(plane, row, column):
        return plane[..., row : row + period, column : column + period].mean((-2, -1))

    rows, columns = height - period + 1, width - period + 1
    energy = np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            pixel = difference[:, row + start, column + start]
            energy[row, column] = ((pixel - window(difference, row, column)) ** 2).sum()
    sums, counts = np.zeros((period, period)), np.zeros((period, period))
    for row in range((rows - period + 1) // period * period):
        for column in range((columns - period + 1) // period * period):
            relative = energy[row + start, column + start]
            relative /= window(energy, row, column) + VISIBLE**2
            sums[row % period, column % period] += relative
            counts[row % period, column % period] += 1
    return sums / counts


@pytest.mark.parametrize("period", [3, 4, 8])
def test_the_profile_is_that_of_the_definition(period):
    difference = noise(1, 1, 3, 37, 44) - 0.5
    found = lattice_profile(difference, period)
    assert found.shape == (1, period, period)
    np.testing.assert_allclose(found[0], profile_by_numpy(difference[0].numpy(), period), rtol=1e-9)


@pytest.mark.parametrize("period", PERIODS)
def test_a_dot_in_each_cell_has_its_closed_form(period):
    strength = 0.2
    profile = lattice_profile(dots(period, strength=strength), period)[0]
    # Less their mean: A (1 − 1/p²) at the dot, −A/p² elsewhere; the mean energy is A² (p² − 1)/p⁴.
    places = period**2
    mean = strength**2 * (places - 1) / places**2 + VISIBLE**2
    at_dot = (strength * (1 - 1 / places)) ** 2 / mean
    elsewhere = (strength / places) ** 2 / mean
    values = sorted(profile.flatten().tolist())
    assert values[-1] == pytest.approx(at_dot)
    assert values[0] == pytest.approx(elsewhere)
    assert values[-2] == pytest.approx(elsewhere)
    # With dots far above what is hardly visible, the deviation tends to (p² − 2) / √(p² − 1).
    strong = lattice_profile(dots(period, strength=1e3), period)
    assert deviation(strong).item() == pytest.approx((places - 2) / (places - 1) ** 0.5)


@pytest.mark.parametrize("period", PERIODS)
def test_a_lattice_is_seen_at_its_own_period(period):
    content = photograph()
    result = content + dots(period)
    own = lattice_excess(result, content, period).item()
    assert own > 0.5 * period
    other = 24 - period
    if other < period:  # a lattice of 16 is one of 8 where three of four dots are missing
        assert 0.1 * own < lattice_excess(result, content, other).item() < own
    for neighbour in (period - 1, period + 1):  # what is subtracted as chance
        assert deviation(lattice_profile(dots(period), neighbour)).item() < 0.2 * own


def test_blobs_whose_strength_follows_the_content_are_a_lattice_too():
    content = photograph()
    blobs = torch.nn.functional.avg_pool2d(dots(16), 5, 1, 2) * 25
    result = content + blobs * (content > 0.5)
    assert lattice_excess(result, content, 16).item() > 0.5


def test_the_photograph_itself_strokes_and_noise_are_no_lattice():
    content = photograph()
    random = np.random.default_rng(3)
    strokes = torch.zeros_like(content)
    for row, column in zip(random.integers(0, 120, 300), random.integers(0, 130, 300), strict=True):
        strokes[..., row : row + 3, column : column + 14] += 0.1 * random.normal()
    for period in PERIODS:
        assert lattice_excess(content, content, period).item() == 0
        lattice = lattice_excess(content + dots(period), content, period).item()
        for change in (strokes, 0.1 * (noise(4, 1, 3, 128, 150) - 0.5), 0.2 * (content - 0.5)):
            value = lattice_excess(content + change, content, period).item()
            assert abs(value) < 0.1 * lattice


@some
@given(seed=st.integers(0, 10**6), strength=st.floats(0.02, 0.2))
def test_more_of_a_lattice_is_more(seed, strength):
    content = photograph(seed=seed)
    grain = 0.05 * (noise(seed, 1, 3, 128, 150) - 0.5)
    faint, strong = (
        lattice_excess(content + grain + dots(16, strength=value), content, 16).item()
        for value in (strength, 2 * strength)
    )
    assert strong > faint > 0


def test_sign_mirrors_transposition_and_place_do_not_matter():
    content = photograph(144, 144)
    change = dots(8, 144, 144) + 0.03 * (noise(5, 1, 3, 144, 144) - 0.5)
    expected = lattice_excess(content + change, content, 8)
    torch.testing.assert_close(lattice_excess(content - change, content, 8), expected)
    transposed = lattice_excess((content + change).mT, content.mT, 8)
    torch.testing.assert_close(transposed, expected)
    shifted = lattice_excess(content + change.roll((3, 5), (2, 3)), content, 8)
    torch.testing.assert_close(shifted, expected, rtol=0.05, atol=0)
    mirrored = lattice_excess((content + change).flip(-1), content.flip(-1), 8)
    torch.testing.assert_close(mirrored, expected, rtol=0.05, atol=0)


def test_a_batch_is_its_pictures_one_by_one_in_their_own_type():
    contents = torch.cat([photograph(seed=1), photograph(seed=2)]).float()
    results = contents + torch.cat([dots(8), dots(16)]).float()
    together = lattice_excess(results, contents, 8)
    alone = [lattice_excess(results[i : i + 1], contents[i : i + 1], 8) for i in range(2)]
    torch.testing.assert_close(together, torch.cat(alone))
    assert together.dtype == torch.float32


def test_what_cannot_be_measured_is_said():
    content = photograph()
    with pytest.raises(OptionError, match="same size"):
        lattice_excess(content[..., 1:], content, 8)
    with pytest.raises(OptionError, match="3 pixels or more, not 2"):
        lattice_excess(content, content, 2)
    with pytest.raises(ImageError, match="60×128 px is too small for a lattice of 16"):
        lattice_excess(content[..., :60], content[..., :60], 16)

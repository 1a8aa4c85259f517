"""Sliced optimal transport, against SciPy, closed forms and loops over overlaps."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
import torch
from torch.autograd import gradcheck

from impasto.losses.sliced import (
    MIN_DIRECTIONS,
    QUANTILES,
    quantiles,
    random_directions,
    sliced_distance,
    sliced_summary,
)
from impasto.losses.statistics import energy, get_statistic, mix

SLICED = get_statistic("sliced")
CPU = torch.device("cpu")


def points(seed, count, channels, dtype=torch.float64):
    """Vectors (positions, C) from a skewed distribution."""
    random = torch.Generator().manual_seed(seed)
    spread = torch.randn(channels, channels, generator=random, dtype=torch.float64)
    drawn = torch.randn(count, channels, generator=random, dtype=torch.float64).exp()
    return (drawn @ spread / math.sqrt(channels)).to(dtype)


def as_map(vectors):
    return vectors.mT[None, :, None, :]


def distance(a, b):
    return sliced_distance(*(sliced_summary(as_map(each), None) for each in (a, b))).item()


def line(numbers):
    """Numbers as :func:`quantiles` takes them."""
    return torch.as_tensor(numbers, dtype=torch.float64).view(1, 1, -1)


def random_numbers(seed, count):
    return np.random.default_rng(seed).gamma(2.0, size=count) - 1


# --- Quantiles --------------------------------------------------------------------------------


def quantiles_by_loops(values, shares, count):
    """The mean of the quantile function over each part, from the overlaps of all intervals."""
    ordered = sorted(zip(values, shares, strict=True))
    result = []
    for part in range(count):
        low, high, reached, total = part / count, (part + 1) / count, 0.0, 0.0
        for value, share in ordered:
            total += value * max(0.0, min(high, reached + share) - max(low, reached))
            reached += share
        result.append(total * count)
    return torch.tensor(result, dtype=torch.float64)


@pytest.mark.parametrize("number", [1, 2, 7, 16, 50])
@pytest.mark.parametrize("count", [1, 5, 16])
def test_quantiles_are_means_over_equal_parts(number, count):
    values = random_numbers(0, number)
    values[number // 2] = values[0]  # a tie
    expected = quantiles_by_loops(values, [1 / number] * number, count)
    got = quantiles(line(values), None, count)
    torch.testing.assert_close(got[0, 0], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("number", [3, 16, 50])
@pytest.mark.parametrize("count", [1, 5, 16])
def test_weighted_quantiles_are_means_over_equal_parts(number, count):
    values = random_numbers(0, number)
    shares = np.maximum(0, np.random.default_rng(1).random(number) - 0.3)
    shares[0] = 2  # much mass on one number: it fills several parts
    shares /= shares.sum()
    got = quantiles(line(values), line(shares), count)
    expected = quantiles_by_loops(values, shares, count)
    torch.testing.assert_close(got[0, 0], expected, rtol=1e-12, atol=1e-12)


def test_mean_of_the_quantiles_is_the_mean_of_the_numbers():
    values, shares = random_numbers(0, 1001), np.random.default_rng(1).random(1001)
    shares /= shares.sum()
    assert quantiles(line(values), None).mean().item() == pytest.approx(values.mean())
    assert quantiles(line(values), line(shares)).mean().item() == pytest.approx(values @ shares)


def test_equal_shares_equal_none():
    values = line(random_numbers(0, 300))
    torch.testing.assert_close(
        quantiles(values, torch.full_like(values, 1 / 300)), quantiles(values, None)
    )


@pytest.mark.parametrize("sizes", [(8, 32), (64, 1), (256, 16)])
def test_transport_is_exact_for_divisors_of_the_count(sizes):
    a, b = (random_numbers(seed, size) for seed, size in enumerate(sizes))
    gap = quantiles(line(a), None) - quantiles(line(b), None)
    assert gap.abs().mean().item() == pytest.approx(scipy.stats.wasserstein_distance(a, b))
    # SciPy has no W₂, but it can be computed by matching equal numbers of copies.
    number = max(sizes)
    a, b = (np.repeat(each, number // len(each)) for each in (a, b))
    costs = np.subtract.outer(a, b) ** 2
    matched = costs[scipy.optimize.linear_sum_assignment(costs)].mean()
    assert gap.square().mean().item() == pytest.approx(matched)


@pytest.mark.parametrize("sizes", [(5, 7), (300, 77), (1000, 3001)])
@pytest.mark.parametrize("weighted", [False, True])
def test_transport_is_close_for_any_size(sizes, weighted):
    a, b = (random_numbers(seed, size) + seed for seed, size in enumerate(sizes))
    shares = np.random.default_rng(2).random(sizes[0])
    shares = shares / shares.sum() if weighted else None
    expected = scipy.stats.wasserstein_distance(a, b, shares)
    summary = quantiles(line(a), None if shares is None else line(shares))
    got = (summary - quantiles(line(b), None)).abs().mean().item()
    assert got == pytest.approx(expected, rel=0.01)


def test_gaussians_in_one_dimension_match_the_closed_form():
    ranks = (np.arange(20_000) + 0.5) / 20_000
    a, b = scipy.stats.norm(1, 0.5).ppf(ranks), scipy.stats.norm(-1, 2).ppf(ranks)
    gap = quantiles(line(a), None) - quantiles(line(b), None)
    assert gap.square().mean().item() == pytest.approx((1 + 1) ** 2 + (2 - 0.5) ** 2, rel=3e-3)


def test_quantile_gradient():
    values = line(random_numbers(0, 11)).requires_grad_()
    shares = torch.rand(1, 1, 11, generator=torch.Generator().manual_seed(0)).double()
    shares = (shares / shares.sum()).requires_grad_()
    assert gradcheck(lambda x: quantiles(x, None, 4), [values])
    assert gradcheck(lambda x, w: quantiles(x, w / w.sum(), 4), [values, shares])


def test_every_position_with_a_share_has_a_gradient():
    values = line(random_numbers(0, 1000)).requires_grad_()
    shares = torch.rand(1, 1, 1000, generator=torch.Generator().manual_seed(0)).double()
    shares[..., ::3] = 0
    shares = shares / shares.sum()
    (gradient,) = torch.autograd.grad(quantiles(values, shares).mean(), values)
    torch.testing.assert_close(gradient, shares)  # the mean's gradient
    assert (gradient[..., ::3] == 0).all()


# --- The distance -----------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3, 20])
def test_directions_are_orthonormal_bases(channels):
    directions = random_directions(channels, torch.float64, CPU)
    count = directions.shape[1]
    assert count >= MIN_DIRECTIONS
    assert count % channels == 0
    torch.testing.assert_close(directions.norm(dim=0), torch.ones(count).double())
    frame = directions @ directions.mT * channels / count
    torch.testing.assert_close(frame, torch.eye(channels).double())
    assert torch.linalg.matrix_rank(directions) == channels


def test_directions_are_uniform_and_reproducible():
    drawn = torch.cat([random_directions(2, torch.float64, CPU, seed) for seed in range(200)], 1)
    angles = torch.atan2(drawn[1], drawn[0]).numpy()[::2]  # one of each basis
    uniform = scipy.stats.uniform(-math.pi, 2 * math.pi)
    assert scipy.stats.kstest(angles, uniform.cdf).pvalue > 0.01
    first = random_directions(5, torch.float32, CPU).clone()
    random_directions.cache_clear()
    state = torch.get_rng_state()
    assert torch.equal(random_directions(5, torch.float32, CPU), first)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("channels", [1, 3, 20])
def test_a_shift_costs_its_squared_length(channels):
    a, shift = points(1, 100, channels), points(2, 1, channels)
    assert distance(a, a + shift) == pytest.approx(shift.square().sum().item())


@pytest.mark.parametrize("channels", [2, 20])
def test_gaussians_match_the_closed_form_along_each_direction(channels):
    random = torch.Generator().manual_seed(0)
    means = torch.randn(2, channels, generator=random, dtype=torch.float64)
    spreads = torch.randn(2, channels, channels, generator=random, dtype=torch.float64)
    noise = torch.randn(2, 20_000, channels, generator=random, dtype=torch.float64)
    a, b = noise @ spreads + means[:, None]
    directions = random_directions(channels, torch.float64, CPU)
    along_means = means @ directions
    deviations = (directions.mT @ spreads.mT @ spreads @ directions).diagonal(0, 1, 2).sqrt()
    transport = along_means.diff(dim=0).square() + deviations.diff(dim=0).square()
    assert distance(a, b) == pytest.approx(channels * transport.mean().item(), rel=0.03)


def test_distance_equals_the_transport_of_isotropic_gaussians():
    random = torch.Generator().manual_seed(0)
    noise = torch.randn(2, 20_000, 20, generator=random, dtype=torch.float64)
    a, b = 0.5 * noise[0], 2 * noise[1] + 0.3
    assert distance(a, b) == pytest.approx(20 * (0.3**2 + 1.5**2), rel=0.01)


@pytest.mark.parametrize("channels", [1, 3, 20])
@pytest.mark.parametrize("seed", range(3))
def test_distance_is_at_most_the_full_transport(channels, seed):
    a, b = points(seed, 64, channels), points(seed + 10, 64, channels)
    costs = torch.cdist(a, b).square().numpy()
    whole = costs[scipy.optimize.linear_sum_assignment(costs)].mean()
    assert 0.2 * whole < distance(a, b) <= whole * (1 + 1e-9)
    if channels == 1:
        assert distance(a, b) == pytest.approx(whole)


def test_energy_is_the_mean_squared_length():
    exactly, nearly = points(1, QUANTILES, 20), points(1, 10_000, 20)
    for vectors, tolerance in ((exactly, 1e-12), (nearly, 0.02)):
        summary = sliced_summary(as_map(vectors), None)
        length = vectors.square().sum(1).mean().item()
        assert energy(SLICED, summary).item() == pytest.approx(length, rel=tolerance)


def test_distance_detects_differences_beyond_mean_and_covariance():
    half = math.sqrt(2)
    a = torch.tensor([[1, 3 - 1], [1, 3 + 1]] * 2, dtype=torch.float64)
    b = torch.tensor([[1, 3 - half], [1, 3], [1, 3], [1, 3 + half]], dtype=torch.float64)
    for name in ("gram", "moments", "gaussian-ot"):
        statistic = get_statistic(name)
        summary, target = (statistic.summary(as_map(each), None) for each in (a, b))
        assert statistic.distance(summary, target).item() < 1e-12
    assert distance(a, b) > 0.1


# --- Sizes, regions, mixtures, tiles ----------------------------------------------------------


def test_pictures_of_different_sizes_can_be_compared():
    style = points(1, 900, 5)
    twice = style.repeat(2, 1)
    assert distance(style, twice) < 1e-12 * style.square().sum()
    sample = points(1, 100_000, 5)
    unit = sample.square().sum(1).mean().item()
    assert distance(sample[::10], sample) < 0.01 * unit


def test_masked_region_equals_the_cropped_picture():
    maps = points(1, 60, 4).mT.reshape(1, 4, 6, 10)
    mask = torch.zeros(1, 1, 6, 10)
    mask[..., 1:5, 2:7] = 0.3
    expected = sliced_summary(maps[..., 1:5, 2:7], None)["quantiles"]
    torch.testing.assert_close(sliced_summary(maps, mask)["quantiles"], expected)
    elsewhere = torch.where(mask > 0, maps, 1e3).requires_grad_()
    got = sliced_summary(elsewhere, mask)["quantiles"]
    torch.testing.assert_close(got, expected)
    (gradient,) = torch.autograd.grad(got.square().sum(), elsewhere)
    assert (gradient[(mask == 0).expand_as(gradient)] == 0).all()


def test_masked_outliers_do_not_leak_in_float32():
    maps = points(1, 120_000, 2, torch.float32).mT.reshape(1, 2, 300, 400)
    mask = torch.ones(1, 1, 300, 400)
    mask[..., 0, :] = 0
    expected = sliced_summary(maps, mask)["quantiles"]
    maps[..., 0, :] = 1e6
    torch.testing.assert_close(sliced_summary(maps, mask)["quantiles"], expected)


def test_mixture_is_the_barycentre():
    """Between N(0, 1) and N(4, 3²) lies N(2, 2²); half of each would have two modes."""
    ranks = torch.from_numpy(scipy.stats.norm.ppf((np.arange(4096) + 0.5) / 4096))[:, None]
    a, b, between = (
        sliced_summary(as_map(each), None) for each in (ranks, 3 * ranks + 4, 2 * ranks + 2)
    )
    torch.testing.assert_close(mix([a, b], [1, 1])["quantiles"], between["quantiles"])
    both = sliced_summary(as_map(torch.cat([ranks, 3 * ranks + 4])), None)
    assert sliced_distance(both, between).item() > 0.05


def test_is_mean_is_false_because_tiles_do_not_mix_to_the_whole():
    assert not SLICED.is_mean
    vectors = points(1, 64, 3)
    tiles = [sliced_summary(as_map(each), None) for each in vectors.chunk(2)]
    whole = sliced_summary(as_map(vectors), None)
    assert sliced_distance(mix(tiles, [1, 1]), whole).item() > 1e-3


def test_float32_is_accurate_for_large_maps():
    vectors = points(1, 200_000, 2)
    expected = sliced_summary(as_map(vectors), None)["quantiles"]
    got = sliced_summary(as_map(vectors.float()), None)["quantiles"]
    torch.testing.assert_close(got.double(), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("channels", "steps", "rest"), [(20, 1, 1e-20), (3, 40, 0.01)])
def test_gradient_step_is_the_transfer_of_pitie_et_al(channels, steps, rest):
    """With a step of half the number of positions, all projections on a basis reach the target."""
    target = sliced_summary(as_map(points(1, 64, channels)), None)
    leaf = points(2, 64, channels).requires_grad_()
    for _ in range(steps):
        value = sliced_distance(sliced_summary(as_map(leaf), None), target)
        (gradient,) = torch.autograd.grad(value.sum(), leaf)
        leaf = (leaf - 64 / 2 * gradient).detach().requires_grad_()
    left = sliced_distance(sliced_summary(as_map(leaf), None), target)
    assert left.item() < rest * energy(SLICED, target).item()

"""Style statistics: the properties that every statistic must have, and the known formulae.

The tests that take ``statistic`` run for each entry of ``STATISTICS``, so a new one is tested as
soon as it is in the table; those that take ``mean_statistic`` run for each whose summary is a mean.
The others compare statistics known by name with formulae written as loops.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from torch.autograd import gradcheck

from impasto.errors import OptionError
from impasto.losses.statistics import (
    RIDGE,
    STATISTICS,
    STYLE_NORMALIZATIONS,
    energy,
    get_statistic,
    mix,
    style_loss,
    style_unit,
)


@pytest.fixture(params=STATISTICS)
def statistic(request):
    return STATISTICS[request.param]


@pytest.fixture(params=[name for name, each in STATISTICS.items() if each.is_mean])
def mean_statistic(request):
    return STATISTICS[request.param]


def features(seed=0, shape=(2, 3, 3, 4), dtype=torch.float64):
    """Random feature maps with non-trivial means, deviations and correlations."""
    random = torch.Generator().manual_seed(seed)
    maps = torch.randn(shape, generator=random, dtype=torch.float64)
    maps = torch.einsum("ij,bjhw->bihw", mixing(shape[1], random), maps)
    return (maps + torch.randn(1, shape[1], 1, 1, generator=random, dtype=maps.dtype)).to(dtype)


def mixing(channels, random):
    return torch.eye(channels) + 0.3 * torch.randn(
        channels, channels, generator=random, dtype=torch.float64
    )


def weight_map(seed=0, shape=(2, 1, 3, 4)):
    """A soft mask that is zero at some positions."""
    random = torch.Generator().manual_seed(seed)
    return (torch.rand(shape, generator=random, dtype=torch.float64) - 0.2).clamp_min(0)


def assert_same(summary, expected, rtol=1e-12, atol=1e-12):
    assert summary.keys() == expected.keys()
    for key in expected:
        torch.testing.assert_close(summary[key], expected[key], rtol=rtol, atol=atol)


# --- Properties of every statistic ------------------------------------------------------------


@pytest.mark.parametrize("weights", [None, weight_map()], ids=["whole", "masked"])
def test_gradient(statistic, weights):
    target = statistic.summary(features(1), None)
    leaf = features().requires_grad_()
    assert gradcheck(lambda x: statistic.distance(statistic.summary(x, weights), target), leaf)


def test_mixture_is_the_weighted_mean_of_the_summaries(statistic):
    a, b = (statistic.summary(features(seed), None) for seed in (1, 2))
    assert_same(mix([a, b], [1, 3]), {key: 0.25 * a[key] + 0.75 * b[key] for key in a})
    assert_same(mix([a, b], [2, 0]), a)
    assert_same(mix([a, a, a], [0.1, 2, 0.7]), a)


def test_gradient_flows_through_a_mixture(statistic):
    leaf = features().requires_grad_()
    mixture = mix([statistic.summary(leaf, None), statistic.summary(features(1), None)], [1, 1])
    statistic.distance(mixture, statistic.summary(features(2), None)).sum().backward()
    assert leaf.grad.abs().max() > 0


def test_integer_weights_equal_repetitions(statistic):
    counts = [1, 2, 0, 3, 1]
    row = features(shape=(1, 3, 1, 5))
    repeated = row.repeat_interleave(torch.tensor(counts), dim=3)
    weights = torch.tensor(counts, dtype=torch.float64).view(1, 1, 1, 5)
    expected = statistic.summary(repeated, None)
    assert_same(statistic.summary(row, weights), expected)
    assert_same(statistic.summary(row, 7.5 * weights), expected)


@pytest.mark.parametrize(("row", "column"), [(3, 4), (1, 7), (5, 2)])
@pytest.mark.parametrize("masked", [False, True])
def test_tiles_mix_to_the_whole(mean_statistic, row, column, masked):
    maps, weights = features(shape=(1, 3, 6, 8)), weight_map(shape=(1, 1, 6, 8)) + 0.01
    summaries, masses = [], []
    for rows in (slice(0, row), slice(row, 6)):
        for columns in (slice(0, column), slice(column, 8)):
            tile, weight = maps[..., rows, columns], weights[..., rows, columns]
            summaries.append(mean_statistic.summary(tile, weight if masked else None))
            masses.append(weight.sum().item() if masked else tile[0, 0].numel())
    assert_same(mix(summaries, masses), mean_statistic.summary(maps, weights if masked else None))


def test_order_of_positions_and_memory_layout_do_not_matter(statistic):
    maps = features()
    expected = statistic.summary(maps, None)
    assert_same(statistic.summary(maps.flip(2, 3), None), expected)
    assert_same(statistic.summary(maps.mT, None), expected)
    assert_same(statistic.summary(maps.to(memory_format=torch.channels_last), None), expected)


def test_batch_equals_single_pictures(statistic):
    maps, weights = features(), weight_map()
    batch, target = statistic.summary(maps, weights), statistic.summary(features(1), None)
    distances = statistic.distance(batch, target)
    assert distances.shape == (2,)
    for i in range(2):
        one = statistic.summary(maps[i : i + 1], weights[i : i + 1])
        assert_same(one, {key: value[i : i + 1] for key, value in batch.items()})
        distance = statistic.distance(one, {key: target[key][i : i + 1] for key in target})
        torch.testing.assert_close(distance[0], distances[i])


def test_mask_and_target_broadcast_over_a_batch(statistic):
    maps, weights = features(), weight_map(shape=(1, 1, 3, 4))
    summary = statistic.summary(maps, weights)
    assert_same(summary, statistic.summary(maps, weights.expand(2, -1, -1, -1)))
    one = statistic.summary(features(1, shape=(1, 3, 5, 2)), None)
    two = {key: torch.cat([value, value]) for key, value in one.items()}
    torch.testing.assert_close(statistic.distance(summary, one), statistic.distance(summary, two))


def test_distance_is_zero_only_for_equal_summaries(statistic):
    a, b = (statistic.summary(features(seed), None) for seed in (1, 2))
    assert (statistic.distance(a, b) > 0.01).all()
    assert (statistic.distance(a, a) >= 0).all()
    assert (statistic.distance(a, a) < 1e-12 * energy(statistic, a)).all()


@pytest.mark.parametrize("scale", [3.0, 100.0])
def test_relative_loss_is_scale_invariant(statistic, scale):
    def loss(factor):
        summary, target = (statistic.summary(factor * features(seed), None) for seed in (1, 2))
        return style_loss(statistic, summary, target)

    torch.testing.assert_close(loss(scale), loss(1.0), rtol=1e-3, atol=0)


def test_relative_loss_of_zeros_is_one(statistic):
    target = statistic.summary(features(), None)
    zeros = {key: torch.zeros_like(value) for key, value in target.items()}
    torch.testing.assert_close(style_loss(statistic, zeros, target), torch.ones(2).double())


def test_descent(statistic):
    target = statistic.summary(features(1), None)
    leaf = features().requires_grad_()
    optimizer = torch.optim.Adam([leaf], lr=0.05)
    distances = []
    for _ in range(30):
        distance = statistic.distance(statistic.summary(leaf, None), target).sum()
        optimizer.zero_grad()
        distance.backward()
        optimizer.step()
        distances.append(distance.item())
    assert distances[3] < distances[0]
    assert distances[-1] < 0.5 * distances[0]


def test_float32_agrees_with_float64(statistic):
    def distance_and_unit(dtype):
        maps = (features(seed, (1, 16, 24, 24), dtype) for seed in (1, 2))
        a, b = (statistic.summary(each, None) for each in maps)
        return statistic.distance(a, b), energy(statistic, b)

    (got, unit), (expected, _) = distance_and_unit(torch.float32), distance_and_unit(torch.float64)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got.double(), expected, rtol=0, atol=1e-4 * unit.item())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_summed_in_float32(statistic, dtype):
    maps, weights = features(dtype=dtype), weight_map()
    expected = statistic.summary(maps.float(), weights)
    assert all(value.dtype == torch.float32 for value in expected.values())
    assert_same(statistic.summary(maps, weights), expected)
    assert_same(statistic.summary(maps, None), statistic.summary(maps.float(), None))


DEGENERATE = {
    "one colour": torch.linspace(0.5, 3, 16).view(1, 16, 1, 1).expand(1, 16, 32, 32),
    "channels of zeros": features(shape=(1, 16, 32, 32), dtype=torch.float32)
    * (torch.arange(16) < 4).view(1, 16, 1, 1),
    "zeros": torch.zeros(1, 16, 32, 32),
    "one position": torch.linspace(0.5, 3, 16).view(1, 16, 1, 1),
}


@pytest.mark.parametrize("style", DEGENERATE)
@pytest.mark.parametrize("start", DEGENERATE)
def test_degenerate_features_have_finite_distances_and_gradients(statistic, style, start):
    leaf = DEGENERATE[start].clone().requires_grad_()
    target = statistic.summary(DEGENERATE[style], None)
    distance = statistic.distance(statistic.summary(leaf, None), target)
    distance.sum().backward()
    assert distance.isfinite().all()
    assert leaf.grad.isfinite().all()
    if style == start:
        assert distance.item() <= 1e-5 * energy(statistic, target).item()


# --- Known formulae, as loops -----------------------------------------------------------------


def outer(vector):
    return [[a * b for b in vector] for a in vector]


FUNCTIONS = {
    "gram": {"gram": outer},
    "moments": {"mean": list, "square": lambda vector: [value * value for value in vector]},
    "gaussian-ot": {"mean": list, "gram": outer},
}


def mean_by_loops(function, maps, weights):
    """The weighted mean of a function of the feature vector, for each picture."""
    results = []
    for picture, mask in zip(maps, weights, strict=True):
        total, mass = 0.0, 0.0
        for y in range(picture.shape[1]):
            for x in range(picture.shape[2]):
                weight = mask[0, y, x].item()
                vector = [picture[c, y, x].item() for c in range(picture.shape[0])]
                total = total + weight * np.array(function(vector))
                mass += weight
        results.append(total / mass)
    return torch.from_numpy(np.stack(results))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("masked", [False, True])
def test_summary_is_a_mean_over_positions(name, masked):
    maps, weights = features(), weight_map() if masked else None
    mask = torch.ones(2, 1, 3, 4) if weights is None else weights
    expected = {key: mean_by_loops(phi, maps, mask) for key, phi in FUNCTIONS[name].items()}
    assert_same(get_statistic(name).summary(maps, weights), expected)


def gram_distance(a, b):
    mean = [sum(np.outer(f, f) for f in maps) / len(maps) for maps in (a, b)]
    return sum((p - q) ** 2 for p, q in zip(mean[0].flat, mean[1].flat, strict=True))


def moments_distance(a, b):
    means = sum((p - q) ** 2 for p, q in zip(a.mean(0), b.mean(0), strict=True))
    return means + sum((p - q) ** 2 for p, q in zip(a.std(0), b.std(0), strict=True))


def gaussian_distance(a, b, ridge=RIDGE):
    """The Wasserstein-2 distance of Gaussians, from the textbook formula."""
    a_covariance, b_covariance = np.cov(a.T, bias=True), np.cov(b.T, bias=True)
    lift = ridge * b_covariance.trace() / len(b_covariance) * np.eye(len(b_covariance))
    a_covariance, b_covariance = a_covariance + lift, b_covariance + lift
    root = scipy.linalg.sqrtm(b_covariance)
    cross = scipy.linalg.sqrtm(root @ a_covariance @ root).real
    means = ((a.mean(0) - b.mean(0)) ** 2).sum()
    return means + (a_covariance + b_covariance - 2 * cross).trace()


# (statistic, formula on vectors (positions, C), relative tolerance)
DISTANCES = [
    ("gram", gram_distance, 1e-12),
    ("moments", moments_distance, 1e-6),  # the deviations' gradient is kept finite at zero
    ("gaussian-ot", gaussian_distance, 1e-9),
    ("gaussian-ot", lambda a, b: gaussian_distance(a, b, ridge=0), 1e-2),
]


@pytest.mark.parametrize(("name", "formula", "tolerance"), DISTANCES)
def test_distance_equals_the_formula(name, formula, tolerance):
    chosen = get_statistic(name)
    maps = [features(seed, shape=(1, 4, 6, 6)) for seed in (1, 2)]
    vectors = [each[0].flatten(1).T.numpy() for each in maps]
    a, b = (chosen.summary(each, None) for each in maps)
    assert chosen.distance(a, b).item() == pytest.approx(formula(*vectors), rel=tolerance)


@pytest.mark.parametrize(
    ("name", "formula", "tolerance"),
    [
        ("gram", lambda f: ((f.T @ f / len(f)) ** 2).sum(), 1e-12),
        ("moments", lambda f: (f.mean(0) ** 2).sum() + f.var(0).sum(), 1e-3),
        ("gaussian-ot", lambda f: (f**2).sum(1).mean(), 0.1),  # up to the ridge
    ],
)
def test_energy_is_the_distance_from_zeros(name, formula, tolerance):
    maps = features(shape=(1, 4, 6, 6))
    vectors = maps[0].flatten(1).T.numpy()
    summary = get_statistic(name).summary(maps, None)
    assert energy(get_statistic(name), summary).item() == pytest.approx(
        formula(vectors), rel=tolerance
    )


def test_gatys_normalization_equals_the_formula_of_the_paper():
    """¼ ΣΣ (G − A)² / (N² M²), G and A summed over the M positions of N maps (eq. 4)."""
    pictures = [features(seed, shape=(1, 3, 2, 5)) for seed in (1, 2)]
    n, m = 3, 10
    flat = [picture[0].flatten(1).tolist() for picture in pictures]
    g, a = (
        [[sum(f[i][k] * f[j][k] for k in range(m)) for j in range(n)] for i in range(n)]
        for f in flat
    )
    total = sum((g[i][j] - a[i][j]) ** 2 for i in range(n) for j in range(n))
    gram = get_statistic("gram")
    summary, target = (gram.summary(picture, None) for picture in pictures)
    loss = style_loss(gram, summary, target, "gatys").item()
    assert loss == pytest.approx(total / (4 * n**2 * m**2), rel=1e-12)


def test_mean_normalization_is_the_mean_squared_error():
    gram = get_statistic("gram")
    summary, target = (gram.summary(features(seed), None) for seed in (1, 2))
    losses = style_loss(gram, summary, target, "mean")
    expected = (summary["gram"] - target["gram"]).square().mean((1, 2))
    torch.testing.assert_close(losses, expected)


@pytest.mark.parametrize("normalization", STYLE_NORMALIZATIONS)
def test_unit_is_positive_and_divides_the_distance(statistic, normalization):
    target = statistic.summary(features(), None)
    unit = style_unit(statistic, target, normalization)
    assert unit.shape == (2,)
    assert (unit > 0).all()
    loss = style_loss(statistic, statistic.summary(features(1), None), target, normalization)
    distance = statistic.distance(statistic.summary(features(1), None), target)
    torch.testing.assert_close(loss * unit, distance)


# --- Errors -----------------------------------------------------------------------------------


def test_unknown_statistic_error_lists_the_choices():
    with pytest.raises(OptionError) as caught:
        get_statistic("grams")
    assert all(name in str(caught.value) for name in STATISTICS)
    assert "Did you mean 'gram'?" in str(caught.value)


def test_unknown_normalization_error_lists_the_choices(statistic):
    with pytest.raises(OptionError, match=", ".join(STYLE_NORMALIZATIONS)):
        style_unit(statistic, statistic.summary(features(), None), "gatis")


@pytest.mark.parametrize("shape", [(2, 1, 4, 3), (2, 1, 3, 5), (2, 3, 3, 4), (3, 4)])
def test_weight_map_of_another_shape_is_an_error(statistic, shape):
    with pytest.raises(OptionError, match="does not fit"):
        statistic.summary(features(), torch.ones(shape))


def test_empty_region_is_an_error(statistic):
    weights = weight_map()
    weights[1] = 0
    with pytest.raises(OptionError, match="empty"):
        statistic.summary(features(), weights)


@pytest.mark.parametrize(
    "weights",
    [[1], [1, 1, 1], [2, -1], [0, 0], [1, math.nan], [math.inf, 1], [1e308, 1e308]],
    ids=str,
)
def test_invalid_weights_of_a_mixture_are_an_error(statistic, weights):
    summary = statistic.summary(features(), None)
    with pytest.raises(OptionError, match="mixture of 2 styles"):
        mix([summary, summary], weights)


def test_mixture_of_no_styles_is_an_error():
    with pytest.raises(OptionError, match="mixture of 0 styles"):
        mix([], [])


def test_summaries_are_exact_under_autocast():
    random = torch.Generator().manual_seed(1)
    features = 5 + torch.rand(2, 6, 9, 8, generator=random)
    for statistic in (each for each in STATISTICS.values() if each.from_moments):
        plain = statistic.summary(features, None)
        with torch.autocast("cpu", torch.bfloat16):
            cast = statistic.summary(features, None)
        for name, value in plain.items():
            assert cast[name].dtype == torch.float32
            torch.testing.assert_close(cast[name], value)

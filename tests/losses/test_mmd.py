"""Maximum mean discrepancies, against the double sums of their kernels."""

from __future__ import annotations

import functools
import math

import pytest
import torch
from torch.autograd import gradcheck

from impasto import images
from impasto.images.samples import PAIRS
from impasto.losses import mmd
from impasto.losses.statistics import STATISTICS, energy, get_statistic, style_loss
from impasto.weights.open import open_encoder


def vectors(seed, count, channels=3, mean=0.5):
    random = torch.Generator().manual_seed(seed)
    spread = torch.randn(channels, channels, generator=random, dtype=torch.float64)
    return torch.randn(count, channels, generator=random, dtype=torch.float64) @ spread + mean


def as_map(points):
    """Vectors (positions, C) as a feature map."""
    return points.mT[None, :, None, :]


def expectation(kernel, xs, ys):
    """E k(x, y) over all pairs."""
    return sum(kernel(x, y) for x in xs.tolist() for y in ys.tolist()) / (len(xs) * len(ys))


def mmd_squared(kernel, xs, ys):
    """The V-statistic: E k(x, x′) + E k(y, y′) − 2 E k(x, y)."""
    cross = expectation(kernel, xs, ys)
    return expectation(kernel, xs, xs) + expectation(kernel, ys, ys) - 2 * cross


def dot(x, y):
    return sum(a * b for a, b in zip(x, y, strict=True))


def distance(name, xs, ys):
    statistic = get_statistic(name)
    a, b = (statistic.summary(as_map(points), None) for points in (xs, ys))
    return statistic.distance(a, b).item()


# --- Kernels whose means are small ------------------------------------------------------------


@pytest.mark.parametrize("counts", [(9, 9), (5, 12), (1, 4)])
def test_gram_loss_is_an_mmd(counts):
    """Li et al. 2017: ‖Σ x xᵀ − Σ y yᵀ‖² is MMD² with (xᵀy)², over sums instead of means."""
    xs, ys = vectors(1, counts[0]), vectors(2, counts[1])

    def total(a, b):
        return sum(dot(x, y) ** 2 for x in a.tolist() for y in b.tolist())

    grams = (xs.mT @ xs, ys.mT @ ys)
    sums = total(xs, xs) + total(ys, ys) - 2 * total(xs, ys)
    assert (grams[0] - grams[1]).square().sum().item() == pytest.approx(sums, rel=1e-12)
    squared = mmd_squared(lambda x, y: dot(x, y) ** 2, xs, ys)
    assert distance("gram", xs, ys) == pytest.approx(squared, rel=1e-12)
    if len(xs) == len(ys):  # as in the paper: of N channels and M positions each
        assert sums == pytest.approx(len(xs) ** 2 * squared, rel=1e-12)
        gatys = squared / (4 * xs.shape[1] ** 2)
        gram = get_statistic("gram")
        a, b = (gram.summary(as_map(points), None) for points in (xs, ys))
        assert style_loss(gram, a, b, "gatys").item() == pytest.approx(gatys, rel=1e-12)


def test_linear_equals_the_kernel_sum():
    xs, ys = vectors(1, 9), vectors(2, 6)
    assert distance("mmd-linear", xs, ys) == pytest.approx(mmd_squared(dot, xs, ys), rel=1e-12)


@pytest.mark.parametrize("offset", [0.0, mmd.OFFSET, 2.0])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_poly_equals_the_kernel_sum(offset, scale):
    xs, ys = scale * vectors(1, 9), scale * vectors(2, 6)
    constant = offset * sum(dot(y, y) for y in ys.tolist()) / len(ys)
    expected = mmd_squared(lambda x, y: (dot(x, y) + constant) ** 2, xs, ys)
    a, b = (mmd.poly_summary(as_map(points), None) for points in (xs, ys))
    assert mmd.poly_distance(a, b, offset).item() == pytest.approx(expected, rel=1e-9)


def test_energy_is_the_mean_of_the_kernel():
    ys = vectors(1, 8)
    linear, poly = (get_statistic(name) for name in ("mmd-linear", "mmd-poly"))
    assert energy(linear, linear.summary(as_map(ys), None)).item() == pytest.approx(
        expectation(dot, ys, ys)
    )
    constant = mmd.OFFSET * ys.square().sum(1).mean().item()
    expected = expectation(lambda x, y: (dot(x, y) + constant) ** 2, ys, ys) - constant**2
    assert energy(poly, poly.summary(as_map(ys), None)).item() == pytest.approx(expected)


# --- Gaussian kernels, by random features -----------------------------------------------------


def gaussian(x, y):
    """The kernel of :func:`impasto.losses.mmd.rbf_summary`."""
    length_x, length_y = math.sqrt(dot(x, x)), math.sqrt(dot(y, y))
    direction = sum((a / length_x - b / length_y) ** 2 for a, b in zip(x, y, strict=True))
    d2 = direction + (math.log(length_x) - math.log(length_y)) ** 2
    widths = [math.exp(-d2 / (2 * sigma**2)) for sigma in mmd.WIDTHS]
    return length_x * length_y * sum(widths) / len(widths)


XS, YS = vectors(1, 12), vectors(2, 15)


@functools.cache
def exact():
    return mmd_squared(gaussian, XS, YS)


def estimates(directions, seeds):
    summaries = [
        [mmd.rbf_summary(as_map(points), None, directions, seed) for points in (XS, YS)]
        for seed in seeds
    ]
    return torch.cat([mmd.rbf_distance(a, b) for a, b in summaries])


def test_many_directions_approach_the_exact_kernel():
    assert estimates(200_000, [0]).item() == pytest.approx(exact(), rel=0.01)
    waves = mmd.rbf_summary(as_map(YS), None, 200_000)["waves"]
    assert waves.square().sum().item() == pytest.approx(expectation(gaussian, YS, YS), rel=0.01)


def test_error_falls_with_the_square_root_of_the_directions():
    errors = {m: estimates(m, range(200)) - exact() for m in (8, 32, 128, 512)}
    for m, error in errors.items():
        standard_error = error.std() / math.sqrt(len(error))
        assert error.mean().abs() < 4 * standard_error, f"biased with {m} directions"
    scaled = [error.square().mean().sqrt().item() * math.sqrt(m) for m, error in errors.items()]
    assert max(scaled) < 1.3 * min(scaled)


@pytest.mark.parametrize("directions", [16, 128])
def test_error_is_within_hoeffdings_bound(directions):
    """|error| > B √(ln(2/p) / 2m) with a chance of at most p; for all seeds together 1 %."""
    seeds = range(200)
    p = 0.01 / len(seeds)
    largest = (XS.norm(dim=1).mean() + YS.norm(dim=1).mean()) ** 2
    bound = largest * math.sqrt(math.log(2 / p) / (2 * directions))
    assert ((estimates(directions, seeds) - exact()).abs() < bound).all()
    assert (estimates(directions, seeds) <= largest).all()


@pytest.mark.parametrize("factor", [1e-3, 20.0])
def test_rbf_scales_with_the_square_of_the_features(factor):
    expected = factor**2 * distance("mmd-rbf", XS, YS)
    # Approximately, because MIN_NORM bounds the norms from below.
    assert distance("mmd-rbf", factor * XS, factor * YS) == pytest.approx(expected, rel=1e-4)


def test_rbf_detects_differences_beyond_mean_and_covariance():
    half = math.sqrt(2)
    xs = torch.tensor([[1, 3 - 1], [1, 3 + 1]] * 2, dtype=torch.float64)
    ys = torch.tensor([[1, 3 - half], [1, 3], [1, 3], [1, 3 + half]], dtype=torch.float64)
    for name in ("gram", "moments", "gaussian-ot", "mmd-linear", "mmd-poly"):
        assert distance(name, xs, ys) < 1e-12
    assert distance("mmd-rbf", xs, ys) > 0.01


def waves_by_definition(features, weights):
    """``rbf_summary`` without chunks, double-angle formulae or a custom gradient."""
    points = features.permute(0, 2, 3, 1).flatten(1, 2)
    shares = weights.permute(0, 2, 3, 1).flatten(1, 2)
    shares = shares / shares.sum(1, keepdim=True)
    lengths = (points.square().sum(-1, keepdim=True) + mmd.MIN_NORM**2).sqrt()
    z = torch.cat([points / lengths, lengths.log()], -1)
    w = mmd.random_frequencies(points.shape[-1], points.dtype, points.device)
    phases = [z @ w * mmd.WIDTHS[0] / sigma for sigma in mmd.WIDTHS]
    waves = [wave for phase in phases for wave in (phase.cos(), phase.sin())]
    means = [(shares * lengths * wave).sum(1) for wave in waves]
    return torch.stack(means, 1) / math.sqrt(len(mmd.WIDTHS) * w.shape[1])


@pytest.mark.parametrize("chunk", [5, 12, 4096])
@pytest.mark.parametrize("shapes", [(2, 2), (1, 2), (2, 1)], ids=str)
def test_chunks_equal_the_whole_and_its_gradient(monkeypatch, chunk, shapes):
    monkeypatch.setattr(mmd, "CHUNK", chunk)
    random = torch.Generator().manual_seed(0)
    features = torch.randn(shapes[0], 3, 3, 4, generator=random, dtype=torch.float64)
    weights = torch.rand(shapes[1], 1, 3, 4, generator=random, dtype=torch.float64)
    results = []
    for waves in (waves_by_definition, lambda f, w: mmd.rbf_summary(f, w)["waves"]):
        leaves = [each.clone().requires_grad_() for each in (features, weights)]
        value = waves(*leaves)
        upstream = torch.randn(value.shape, generator=torch.Generator().manual_seed(1)).double()
        results.append([value.detach(), *torch.autograd.grad((upstream * value).sum(), leaves)])
    for got, expected in zip(results[1], results[0], strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)


def test_gradient_of_the_weights():
    random = torch.Generator().manual_seed(0)
    features = torch.randn(1, 3, 2, 3, generator=random, dtype=torch.float64)
    weights = torch.rand(1, 1, 2, 3, generator=random, dtype=torch.float64).requires_grad_()
    target = mmd.rbf_summary(as_map(YS), None)
    assert gradcheck(
        lambda w: mmd.rbf_distance(mmd.rbf_summary(features, w), target), [weights + 0.1]
    )


def test_frequencies_are_reproducible_and_leave_the_global_generator_alone():
    arguments = (5, torch.float32, torch.device("cpu"))
    first = mmd.random_frequencies(*arguments).clone()
    mmd.random_frequencies.cache_clear()
    assert torch.equal(mmd.random_frequencies(*arguments), first)
    assert first.shape == (6, mmd.MIN_DIRECTIONS)
    assert not torch.equal(mmd.random_frequencies(*arguments, seed=1), first)
    state = torch.get_rng_state()
    mmd.random_frequencies(7, *arguments[1:])
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", ["mmd-rbf", "sliced"])
def test_first_call_in_inference_mode_allows_later_gradients(name):
    summary = get_statistic(name).summary
    with torch.inference_mode():
        summary(torch.ones(1, 11, 2, 2), None)
    leaf = torch.rand(1, 11, 2, 2, requires_grad=True)
    sum(value.sum() for value in summary(leaf, None).values()).backward()
    assert leaf.grad.isfinite().all()


# --- All statistics side by side --------------------------------------------------------------


@functools.cache
def sample_features(pair):
    encoder = open_encoder("compact")
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    with torch.no_grad():
        return [
            encoder(images.resize(images.read(path).tensor, (192, 256)), layers)
            for path in (PAIRS[pair].content_path, PAIRS[pair].style_path)
        ]


def gradient_norm(name, features, target):
    """Norm of the gradient of the relative loss with respect to the features."""
    statistic = STATISTICS[name]
    leaf = features.clone().requires_grad_()
    loss = style_loss(statistic, statistic.summary(leaf, None), statistic.summary(target, None))
    (gradient,) = torch.autograd.grad(loss.sum(), leaf)
    return gradient.norm().item()


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("name", STATISTICS)
def test_gradients_are_of_similar_size_for_all_statistics(name, pair):
    content, style = sample_features(pair)
    for layer in content:
        ratio = gradient_norm(name, content[layer], style[layer]) / gradient_norm(
            "gram", content[layer], style[layer]
        )
        assert 0.2 < ratio < 5, f"{layer}: {ratio:.2f} times Gram's"

"""Colour matching, against closed forms and loops."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.pixels import pixel, quick, random_picture, rows_of
from impasto.colour import matching
from impasto.colour.matching import METHODS, RIDGE

LINEAR = {
    "cholesky": matching.cholesky_map,
    "pca": matching.pca_map,
    "monge-kantorovich": matching.monge_kantorovich_map,
}


def moments_of(picture, weights=None):
    rows = rows_of(picture)
    weights = None if weights is None else weights.flatten().double().numpy()
    return np.average(rows, axis=0, weights=weights), np.cov(rows.T, ddof=0, aweights=weights)


def covariances(seed):
    random = np.random.default_rng(seed)
    factors = random.normal(size=(2, 3, 8))
    return [factor @ factor.T / 8 for factor in factors]


def test_every_method_is_linear_or_histogram():
    assert METHODS.keys() == LINEAR.keys() | {"histogram"}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("method", LINEAR)
@pytest.mark.parametrize("seed", range(3))
def test_linear_methods_reach_mean_and_covariance(method, seed, dtype):
    style = random_picture(seed, (15, 8), dtype=dtype)
    content = random_picture(seed + 10, (9, 14), dtype=dtype)
    matched = matching.match_colours(style, content, method, clip=False)
    assert (matched.shape, matched.dtype) == (style.shape, dtype)
    (mean, covariance), (target_mean, target_covariance) = moments_of(matched), moments_of(content)
    np.testing.assert_allclose(mean, target_mean, rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        covariance, target_covariance, rtol=0, atol=1e-3 * target_covariance.max()
    )


@pytest.mark.parametrize("seed", range(3))
def test_maps_equal_the_closed_forms(seed):
    source, target = covariances(seed)
    root = scipy.linalg.sqrtm
    expected = {
        "cholesky": np.linalg.cholesky(target) @ np.linalg.inv(np.linalg.cholesky(source)),
        "pca": root(target) @ np.linalg.inv(root(source)),
        # Of the other form of the same matrix: Σc # Σs⁻¹, their geometric mean.
        "monge-kantorovich": root(target @ source) @ np.linalg.inv(source),
    }
    for name, linear_map in LINEAR.items():
        got = linear_map(torch.from_numpy(source), torch.from_numpy(target)).numpy()
        np.testing.assert_allclose(got, expected[name].real, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(got @ source @ got.T, target, rtol=1e-9, atol=1e-12)


def test_monge_kantorovich_map_moves_colours_least():
    source, target = map(torch.from_numpy, covariances(5))
    least = matching.monge_kantorovich_map(source, target)
    torch.testing.assert_close(least, least.mT)
    assert (torch.linalg.eigvalsh(least) > 0).all()

    def moved(linear_map):  # E|Ax − x|² for colours of the source's covariance
        difference = linear_map(source, target) - torch.eye(3)
        return (difference @ source @ difference.mT).trace().item()

    assert moved(matching.monge_kantorovich_map) < min(
        moved(matching.cholesky_map), moved(matching.pca_map)
    )


def test_cholesky_map_is_triangular():
    matrix = matching.cholesky_map(*map(torch.from_numpy, covariances(5)))
    assert torch.equal(matrix, matrix.tril())


@pytest.mark.parametrize("method", LINEAR)
def test_matching_applies_the_map_to_each_pixel(method):
    style, content = random_picture(1, (4, 5)), random_picture(2, (6, 3))
    (mean, covariance), (target_mean, target_covariance) = moments_of(style), moments_of(content)
    ridge = RIDGE * np.eye(3)
    matrix = LINEAR[method](
        torch.from_numpy(covariance + ridge), torch.from_numpy(target_covariance + ridge)
    ).numpy()
    expected = [matrix @ (colours - mean) + target_mean for colours in rows_of(style)]
    got = rows_of(matching.match_colours(style, content, method, clip=False))
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


def test_histograms_equal_the_target_values():
    style, content = random_picture(1, (6, 8)), random_picture(2, (8, 6))
    matched, source = rows_of(matching.match_colours(style, content, "histogram")), rows_of(style)
    for c in range(3):
        np.testing.assert_allclose(np.sort(matched[:, c]), np.sort(rows_of(content)[:, c]))
        assert (np.argsort(matched[:, c]) == np.argsort(source[:, c])).all()


def transported(values, shares, target, target_shares):
    """Mass moved in small parts, starting from the lowest value."""
    levels = sorted(set(values))
    stock = [sum(s for v, s in zip(values, shares, strict=True) if v == level) for level in levels]
    target = sorted(zip(target, target_shares, strict=True))
    means, at, left = {}, 0, target[0][1]
    for level, mass in zip(levels, stock, strict=True):
        total, missing = 0.0, mass
        while missing > 1e-12:
            if left <= 1e-12:
                at += 1
                left = target[at][1]
            parcel = min(missing, left)
            total += parcel * target[at][0]
            missing, left = missing - parcel, left - parcel
        means[level] = total / mass
    return [means[value] for value in values]


@quick
@given(st.integers(0, 2**31), st.integers(1, 12), st.integers(1, 12), st.booleans())
def test_histogram_matching_is_optimal_transport(seed, count, target_count, weighted):
    """With ties, different sizes and weights, against moving the mass in parts."""
    random = torch.Generator().manual_seed(seed)

    def draw(count):
        levels = torch.randint(0, 6, (1, 3, 1, count), generator=random) / 5
        weights = torch.rand(1, 1, 1, count, generator=random).double() + 0.1
        return levels.double(), weights if weighted else torch.ones_like(weights)

    (style, weights), (content, content_weights) = draw(count), draw(target_count)
    matched = matching.match_colours(
        style, content, "histogram", style_weights=weights, content_weights=content_weights
    )
    for c in range(3):
        expected = transported(
            style[0, c, 0].tolist(),
            (weights / weights.sum()).flatten().tolist(),
            content[0, c, 0].tolist(),
            (content_weights / content_weights.sum()).flatten().tolist(),
        )
        assert matched[0, c, 0].tolist() == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_matching_a_picture_to_itself_changes_nothing(method):
    picture = random_picture(1)
    same = matching.match_colours(picture, picture, method)
    torch.testing.assert_close(same, picture, rtol=0, atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_weights_select_the_pixels_that_count(method):
    """Only the colours of the region count, but all pixels are recoloured."""
    style, content = random_picture(1, (6, 8)), random_picture(2, (6, 10))
    style_weights, content_weights = torch.zeros(1, 1, 6, 8), torch.zeros(1, 1, 6, 10)
    style_weights[..., :5] = 1
    content_weights[..., 4:] = 0.5
    matched = matching.match_colours(
        style, content, method, style_weights=style_weights, content_weights=content_weights
    )
    expected = matching.match_colours(style[..., :5], content[..., 4:], method)
    torch.testing.assert_close(matched[..., :5], expected, rtol=0, atol=1e-6)
    assert 0 <= matched.min() <= matched.max() <= 1


@pytest.mark.parametrize("method", LINEAR)
def test_weighted_moments_are_reached(method):
    random = torch.Generator().manual_seed(3)
    style, content = random_picture(1, (9, 8)), random_picture(2, (7, 10))
    style_weights = torch.rand(1, 1, 9, 8, generator=random)
    content_weights = torch.rand(1, 1, 7, 10, generator=random)
    matched = matching.match_colours(
        style,
        content,
        method,
        style_weights=style_weights,
        content_weights=content_weights,
        clip=False,
    )
    for got, expected in zip(
        moments_of(matched, style_weights), moments_of(content, content_weights), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("styles", "contents"), [(2, 2), (2, 1), (1, 2)])
def test_batch_equals_single_pictures(method, styles, contents):
    style, content = random_picture(1, batch=styles), random_picture(2, (5, 6), batch=contents)
    style[-1] *= 0.7
    content[-1] *= 0.8
    weights = torch.rand(contents, 1, 5, 6, generator=torch.Generator().manual_seed(0))
    matched = matching.match_colours(style, content, method, content_weights=weights)
    assert matched.shape == (2, *style.shape[1:])
    for b in range(2):
        i, j = min(b, styles - 1), min(b, contents - 1)
        alone = matching.match_colours(
            style[i : i + 1],
            content[j : j + 1],
            method,
            content_weights=weights[j : j + 1],
        )
        torch.testing.assert_close(matched[b : b + 1], alone)


DEGENERATE = {
    "black": torch.zeros(1, 3, 5, 7),
    "plain": pixel(0.8, 0.1, 0.3).expand(1, 3, 5, 7),
    "grey": random_picture(8, (5, 7))[:, :1].expand(-1, 3, -1, -1),
    "two colours": torch.where(random_picture(9, (5, 7))[:, :1] > 0.4, pixel(1, 0, 0), 0.5),
    "one pixel": pixel(0.2, 0.4, 0.6),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", DEGENERATE)
def test_degenerate_pictures_give_finite_colours(kind, method, dtype):
    degenerate, usual = DEGENERATE[kind].to(dtype), random_picture(1, dtype=dtype)
    for style, content in ((degenerate, usual), (usual, degenerate), (degenerate, degenerate)):
        matched = matching.match_colours(style, content, method, clip=False)
        assert matched.isfinite().all()
        assert matched.shape == style.shape
        # However little the style varies, what it becomes varies no more than the content does.
        mean, covariance = moments_of(matched)
        target_mean, target_covariance = moments_of(content)
        np.testing.assert_allclose(mean, target_mean, rtol=0, atol=1e-4)
        assert np.trace(covariance) <= np.trace(target_covariance) + 1e-3
        clipped = matching.match_colours(style, content, method)
        torch.testing.assert_close(clipped, matched.clamp(0, 1))


@pytest.mark.parametrize("method", METHODS)
def test_noise_of_a_plain_picture_is_not_amplified_by_linear_methods(method):
    """Histogram matching amplifies it, because ranks ignore how small a difference is."""
    random = torch.Generator().manual_seed(0)
    plain = 0.5 + 1e-6 * torch.randn(1, 3, 20, 20, generator=random, dtype=torch.float64)
    matched = matching.match_colours(plain, random_picture(2), method, clip=False)
    assert (matched.std() < 0.1) == (method in LINEAR)


def test_rounding_of_a_constant_channel_does_not_become_noise():
    constant = 0.3 + 1e-8 * random_picture(seed=1)
    matched = matching.match_colours(constant, random_picture(seed=2), "histogram")
    assert float(matched.std((2, 3)).max()) < 1e-9

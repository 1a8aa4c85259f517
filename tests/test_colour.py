"""Colour spaces, chroma and matching, against the published formulae written out with numpy."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck

from impasto import colour
from impasto.colour import METHODS, RIDGE, SPACES
from impasto.errors import OptionError

LINEAR = {
    "cholesky": colour.cholesky_map,
    "pca": colour.pca_map,
    "monge-kantorovich": colour.monge_kantorovich_map,
}
quick = settings(max_examples=12, deadline=None)


def random_picture(seed=0, size=(12, 10), batch=1, dtype=torch.float64):
    """Correlated colours, far enough from one plane."""
    random = torch.Generator().manual_seed(seed)
    noise = torch.rand(batch, 3, *size, generator=random, dtype=torch.float64)
    mixed = 0.6 * noise + 0.4 * torch.rand(3, 3, generator=random).double()[None, :, :1, None]
    mixed[:, 1] = 0.5 * mixed[:, 0] + 0.5 * mixed[:, 1]
    return mixed.clamp(0, 1).to(dtype)


def pixel(*values, dtype=torch.float64):
    return torch.tensor(values, dtype=dtype).view(1, 3, 1, 1)


def picture_of(rows, dtype=torch.float64):
    """A picture one pixel high from a list of colours."""
    return torch.tensor(rows, dtype=dtype).T.reshape(1, 3, 1, -1)


def rows_of(picture):
    """The colours of one picture: (N, 3), numpy."""
    assert len(picture) == 1
    return picture[0].flatten(1).T.double().numpy()


LEVELS = (0, 1 / 65535, 1 / 255, 0.03, 0.04045, 0.05, 0.5, 254 / 255, 1)
CUBE = picture_of(list(product(LEVELS, repeat=3)))  # with all corners, edges and near-blacks


# --- Spaces, pixel by pixel -------------------------------------------------------------------


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


def test_every_space_has_its_formula_here():
    assert REFERENCES.keys() == SPACES.keys()


@pytest.mark.parametrize("space", SPACES)
def test_conversion_is_the_formula(space):
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


def test_linear_light_is_the_standards():
    values = torch.linspace(0, 1, 500, dtype=torch.float64).view(1, 1, 1, -1)
    expected = [light_of(value) for value in values.flatten().tolist()]
    np.testing.assert_allclose(colour.to_linear(values).flatten(), expected, rtol=1e-13)
    torch.testing.assert_close(colour.to_linear(-values), -colour.to_linear(values))


PAIRS = {
    "linear": (colour.to_linear, colour.from_linear),
    **{name: (space.to, space.back) for name, space in SPACES.items()},
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("pair", PAIRS)
@quick
@given(seed=st.integers(0, 2**31), low=st.floats(-0.5, 1), span=st.floats(0, 1.5))
def test_there_and_back(pair, dtype, seed, low, span):
    """Also a little outside [0, 1], as filters overshoot."""
    to, back = PAIRS[pair]
    random = torch.Generator().manual_seed(seed)
    picture = low + span * torch.rand(2, 3, 4, 5, generator=random, dtype=dtype)
    assert to(picture).dtype == back(picture).dtype == dtype
    torch.testing.assert_close(back(to(picture)), picture, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pair", PAIRS)
def test_back_and_there(pair):
    to, back = PAIRS[pair]
    colours = to(random_picture(3))
    torch.testing.assert_close(to(back(colours)), colours, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_cube_comes_back_in_float32(pair):
    to, back = PAIRS[pair]
    assert (back(to(CUBE.float())) - CUBE.float()).abs().max() < 2e-6


@pytest.mark.parametrize("pair", PAIRS)
def test_conversions_have_the_gradients_they_should(pair):
    to, back = PAIRS[pair]
    leaf = (0.9 * random_picture(4, (2, 3)) + 0.06).requires_grad_()
    assert gradcheck(to, leaf)
    assert gradcheck(back, to(leaf.detach()).requires_grad_())


@pytest.mark.parametrize("pair", PAIRS)
def test_slopes_are_finite_at_the_corners(pair):
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


# --- Lightness and chroma ---------------------------------------------------------------------


@pytest.mark.parametrize("space", SPACES)
def test_keep_chroma_takes_each_from_its_picture(space):
    """Pale colours of middle lightness, so that sRGB has them all."""
    painted, content = (0.45 + 0.1 * random_picture(seed) for seed in (1, 2))
    colours = SPACES[space].to(colour.keep_chroma(painted, content, space))
    expected = SPACES[space].to(painted)[:, :1], SPACES[space].to(content)[:, 1:]
    torch.testing.assert_close(colours, torch.cat(expected, dim=1), rtol=0, atol=1e-10)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_same_picture_twice_is_itself(space, dtype):
    picture = torch.cat([random_picture(5, (1, 40), dtype=dtype), CUBE.to(dtype)], dim=-1)
    kept = colour.keep_chroma(picture, picture, space)
    torch.testing.assert_close(kept, picture, rtol=0, atol=5e-6)
    assert kept.dtype == dtype


@pytest.mark.parametrize("space", SPACES)
@quick
@given(seed=st.integers(0, 2**31))
def test_fitting_keeps_lightness_and_hue_within_the_gamut(space, seed):
    random = torch.Generator().manual_seed(seed)
    white = SPACES[space].white
    colours = torch.rand(2, 3, 4, 5, generator=random, dtype=torch.float64)
    colours = white * (torch.tensor([0.9, 1, 1]).view(3, 1, 1) * colours + 0.05)
    colours[:, 1:] -= 0.55 * white
    picture = colour.fit_gamut(colours, space)
    assert 0 <= picture.min() <= picture.max() <= 1
    fitted = SPACES[space].to(picture)
    torch.testing.assert_close(fitted[:, 0], colours[:, 0], rtol=0, atol=1e-4 * white)
    # One factor for both, at most one.
    (a, b), (c, d) = colours[:, 1:].unbind(1), fitted[:, 1:].unbind(1)
    assert (a * d - b * c).abs().max() < 1e-4 * white**2
    assert (torch.hypot(c, d) <= torch.hypot(a, b) + 1e-4 * white).all()


@pytest.mark.parametrize("space", SPACES)
def test_fitting_takes_no_more_chroma_than_it_must(space):
    """What was outside ends on the surface of the gamut."""
    colours = SPACES[space].to(pixel(0.9, 0.2, 0.1)) * torch.tensor([1, 3, 3]).view(1, 3, 1, 1)
    fitted = colour.fit_gamut(colours, space)
    assert min(fitted.min().item(), 1 - fitted.max().item()) < 2e-3


@pytest.mark.parametrize("space", SPACES)
@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([torch.float32, torch.float64]))
def test_the_gamut_is_never_left(space, seed, dtype):
    random = torch.Generator().manual_seed(seed)
    wild = 3 * torch.randn(1, 3, 6, 6, generator=random, dtype=dtype)
    content = torch.rand(1, 3, 6, 6, generator=random, dtype=dtype).round()
    for picture in (
        colour.keep_chroma(wild, content, space),
        colour.keep_chroma(wild, content, space, match=True),
        colour.fit_gamut(100 * wild, space),
        colour.lightness_picture(wild, space),
        colour.match_lightness(wild, content, space),
    ):
        assert picture.dtype == dtype
        assert 0 <= picture.min() <= picture.max() <= 1


@pytest.mark.parametrize("space", SPACES)
def test_black_and_white_stay_black_and_white(space):
    content = pixel(0.9, 0.1, 0.2).expand(1, 3, 1, 2)
    painted = picture_of([(0, 0, 0), (1, 1, 1)])
    torch.testing.assert_close(
        colour.keep_chroma(painted, content, space), painted, rtol=0, atol=2e-4
    )


@pytest.mark.parametrize("space", SPACES)
def test_keep_chroma_has_gradients(space):
    painted, content = (0.45 + 0.1 * random_picture(seed, (2, 2)) for seed in (1, 2))
    assert gradcheck(
        lambda x, y: colour.keep_chroma(x, y, space, match=True),
        (painted.requires_grad_(), content.requires_grad_()),
    )


@pytest.mark.parametrize("space", SPACES)
def test_lightness_picture_is_grey_and_as_light(space):
    picture = torch.cat([random_picture(6, (1, 30)), CUBE], dim=-1)
    grey = colour.lightness_picture(picture, space)
    assert (grey - grey[:, :1]).abs().max() < 1e-6
    expected = SPACES[space].to(picture)[:, 0]
    torch.testing.assert_close(
        SPACES[space].to(grey)[:, 0], expected, rtol=0, atol=1e-6 * SPACES[space].white
    )
    torch.testing.assert_close(colour.lightness_picture(grey, space), grey, rtol=0, atol=1e-6)


@pytest.mark.parametrize("space", SPACES)
def test_matched_lightness_has_the_contents_moments(space):
    style, content = 0.3 + 0.2 * random_picture(1, (9, 7)), 0.3 + 0.4 * random_picture(2)
    to = SPACES[space].to
    matched = to(colour.match_lightness(style, content, space))[0, 0].numpy()
    wanted, own = to(content)[0, 0].numpy(), to(style)[0, 0].numpy()
    assert matched.mean() == pytest.approx(wanted.mean(), rel=1e-6)
    assert matched.std() == pytest.approx(wanted.std(), rel=1e-6)
    # A shift and a scale: nothing else has changed.
    assert np.corrcoef(matched.ravel(), own.ravel())[0, 1] == pytest.approx(1)


@pytest.mark.parametrize("space", SPACES)
def test_keep_chroma_can_match_lightness_first(space):
    painted, content = 0.4 + 0.1 * random_picture(1), 0.4 + 0.2 * random_picture(2)
    kept = SPACES[space].to(colour.keep_chroma(painted, content, space, match=True))[0, 0]
    wanted = SPACES[space].to(content)[0, 0]
    assert kept.mean().item() == pytest.approx(wanted.mean().item(), rel=1e-4)
    assert kept.std().item() == pytest.approx(wanted.std().item(), rel=1e-3)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_style_of_one_lightness_becomes_the_contents_mean(space, dtype):
    plain = torch.full((1, 3, 7, 9), 0.3, dtype=dtype)
    content = random_picture(2, dtype=dtype)
    matched = colour.match_lightness(plain, content, space)
    mean = SPACES[space].to(content)[:, 0].mean().item()
    got = SPACES[space].to(matched)[:, 0]
    torch.testing.assert_close(
        got, torch.full_like(got, mean), rtol=0, atol=1e-3 * SPACES[space].white
    )
    # And a plain content makes the style as good as plain.
    flat = colour.match_lightness(content, plain, space)
    torch.testing.assert_close(flat, torch.full_like(flat, 0.3), rtol=0, atol=1e-3)


def test_one_content_serves_a_batch_of_lightness():
    styles, content = random_picture(1, batch=2), random_picture(2, (5, 6))
    both = colour.match_lightness(styles, content)
    for b in range(2):
        torch.testing.assert_close(
            both[b : b + 1], colour.match_lightness(styles[b : b + 1], content)
        )


# --- Matched colours --------------------------------------------------------------------------


def moments_of(picture, weights=None):
    rows = rows_of(picture)
    weights = None if weights is None else weights.flatten().double().numpy()
    return np.average(rows, axis=0, weights=weights), np.cov(rows.T, ddof=0, aweights=weights)


def covariances(seed):
    random = np.random.default_rng(seed)
    factors = random.normal(size=(2, 3, 8))
    return [factor @ factor.T / 8 for factor in factors]


def test_every_linear_method_is_tested_here():
    assert METHODS.keys() == LINEAR.keys() | {"histogram"}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("method", LINEAR)
@pytest.mark.parametrize("seed", range(3))
def test_linear_methods_reach_mean_and_covariance(method, seed, dtype):
    style = random_picture(seed, (15, 8), dtype=dtype)
    content = random_picture(seed + 10, (9, 14), dtype=dtype)
    matched = colour.match_colours(style, content, method, clip=False)
    assert (matched.shape, matched.dtype) == (style.shape, dtype)
    (mean, covariance), (wanted, wanted_covariance) = moments_of(matched), moments_of(content)
    np.testing.assert_allclose(mean, wanted, rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        covariance, wanted_covariance, rtol=0, atol=1e-3 * wanted_covariance.max()
    )


@pytest.mark.parametrize("seed", range(3))
def test_maps_are_the_closed_forms(seed):
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


def test_the_map_that_moves_least_is_symmetric_and_positive():
    source, target = map(torch.from_numpy, covariances(5))
    least = colour.monge_kantorovich_map(source, target)
    torch.testing.assert_close(least, least.mT)
    assert (torch.linalg.eigvalsh(least) > 0).all()

    def moved(linear_map):  # E|Ax − x|² for colours of the source's covariance
        difference = linear_map(source, target) - torch.eye(3)
        return (difference @ source @ difference.mT).trace().item()

    assert moved(colour.monge_kantorovich_map) < min(
        moved(colour.cholesky_map), moved(colour.pca_map)
    )


def test_cholesky_is_triangular():
    matrix = colour.cholesky_map(*map(torch.from_numpy, covariances(5)))
    assert torch.equal(matrix, matrix.tril())


@pytest.mark.parametrize("method", LINEAR)
def test_matching_applies_the_map_to_each_pixel(method):
    style, content = random_picture(1, (4, 5)), random_picture(2, (6, 3))
    (mean, covariance), (wanted, wanted_covariance) = moments_of(style), moments_of(content)
    ridge = RIDGE * np.eye(3)
    matrix = LINEAR[method](
        torch.from_numpy(covariance + ridge), torch.from_numpy(wanted_covariance + ridge)
    ).numpy()
    expected = [matrix @ (colours - mean) + wanted for colours in rows_of(style)]
    got = rows_of(colour.match_colours(style, content, method, clip=False))
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


def test_histograms_are_reached_value_by_value():
    style, content = random_picture(1, (6, 8)), random_picture(2, (8, 6))
    matched, own = rows_of(colour.match_colours(style, content, "histogram")), rows_of(style)
    for c in range(3):
        np.testing.assert_allclose(np.sort(matched[:, c]), np.sort(rows_of(content)[:, c]))
        assert (np.argsort(matched[:, c]) == np.argsort(own[:, c])).all()


def transported(values, shares, wanted, wanted_shares):
    """Mass moved from the lowest value up, a parcel at a time."""
    levels = sorted(set(values))
    stock = [sum(s for v, s in zip(values, shares, strict=True) if v == level) for level in levels]
    target = sorted(zip(wanted, wanted_shares, strict=True))
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
def test_histograms_are_the_optimal_transport(seed, count, target_count, weighted):
    """With ties, other sizes and weights, against moving the mass piece by piece."""
    random = torch.Generator().manual_seed(seed)

    def draw(count):
        levels = torch.randint(0, 6, (1, 3, 1, count), generator=random) / 5
        weights = torch.rand(1, 1, 1, count, generator=random).double() + 0.1
        return levels.double(), weights if weighted else torch.ones_like(weights)

    (style, weights), (content, content_weights) = draw(count), draw(target_count)
    matched = colour.match_colours(
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
def test_matching_leaves_a_picture_that_matches(method):
    picture = random_picture(1)
    same = colour.match_colours(picture, picture, method)
    torch.testing.assert_close(same, picture, rtol=0, atol=1e-10)


@pytest.mark.parametrize("method", METHODS)
def test_weights_choose_the_pixels_that_count(method):
    """A region's colours, as if the rest were not there; the rest is recoloured along."""
    style, content = random_picture(1, (6, 8)), random_picture(2, (6, 10))
    style_weights, content_weights = torch.zeros(1, 1, 6, 8), torch.zeros(1, 1, 6, 10)
    style_weights[..., :5] = 1
    content_weights[..., 4:] = 0.5
    matched = colour.match_colours(
        style, content, method, style_weights=style_weights, content_weights=content_weights
    )
    expected = colour.match_colours(style[..., :5], content[..., 4:], method)
    torch.testing.assert_close(matched[..., :5], expected, rtol=0, atol=1e-6)
    assert 0 <= matched.min() <= matched.max() <= 1


@pytest.mark.parametrize("method", LINEAR)
def test_weighted_moments_are_reached(method):
    random = torch.Generator().manual_seed(3)
    style, content = random_picture(1, (9, 8)), random_picture(2, (7, 10))
    own = torch.rand(1, 1, 9, 8, generator=random)
    wanted = torch.rand(1, 1, 7, 10, generator=random)
    matched = colour.match_colours(
        style, content, method, style_weights=own, content_weights=wanted, clip=False
    )
    for got, expected in zip(moments_of(matched, own), moments_of(content, wanted), strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("styles", "contents"), [(2, 2), (2, 1), (1, 2)])
def test_batches_are_matched_one_by_one(method, styles, contents):
    style, content = random_picture(1, batch=styles), random_picture(2, (5, 6), batch=contents)
    style[-1] *= 0.7
    content[-1] *= 0.8
    weights = torch.rand(contents, 1, 5, 6, generator=torch.Generator().manual_seed(0))
    matched = colour.match_colours(style, content, method, content_weights=weights)
    assert matched.shape == (2, *style.shape[1:])
    for b in range(2):
        i, j = min(b, styles - 1), min(b, contents - 1)
        alone = colour.match_colours(
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
@pytest.mark.parametrize("odd", DEGENERATE)
def test_degenerate_pictures_give_colours_all_the_same(odd, method, dtype):
    degenerate, usual = DEGENERATE[odd].to(dtype), random_picture(1, dtype=dtype)
    for style, content in ((degenerate, usual), (usual, degenerate), (degenerate, degenerate)):
        matched = colour.match_colours(style, content, method, clip=False)
        assert matched.isfinite().all()
        assert matched.shape == style.shape
        # However little the style varies, what it becomes varies no more than the content does.
        mean, covariance = moments_of(matched)
        wanted, wanted_covariance = moments_of(content)
        np.testing.assert_allclose(mean, wanted, rtol=0, atol=1e-4)
        assert np.trace(covariance) <= np.trace(wanted_covariance) + 1e-3
        clipped = colour.match_colours(style, content, method)
        torch.testing.assert_close(clipped, matched.clamp(0, 1))


@pytest.mark.parametrize("method", METHODS)
def test_noise_of_a_plain_picture_is_not_blown_up_to_a_rainbow(method):
    """Linear methods alone: ranks know nothing of how small a difference is."""
    random = torch.Generator().manual_seed(0)
    plain = 0.5 + 1e-6 * torch.randn(1, 3, 20, 20, generator=random, dtype=torch.float64)
    matched = colour.match_colours(plain, random_picture(2), method, clip=False)
    assert (matched.std() < 0.1) == (method in LINEAR)


# --- Mistakes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda picture: colour.keep_chroma(picture, picture, "okla"),
        lambda picture: colour.fit_gamut(picture, "okla"),
        lambda picture: colour.lightness_picture(picture, "okla"),
        lambda picture: colour.match_lightness(picture, picture, "okla"),
    ],
)
def test_another_space_is_refused(call):
    with pytest.raises(OptionError, match=r"Unknown colour space 'okla': .* Did you mean 'oklab'?"):
        call(random_picture())


def test_another_method_is_refused():
    with pytest.raises(OptionError, match="Unknown colour matching 'hist': choose one of cholesky"):
        colour.match_colours(random_picture(), random_picture(), "hist")


def test_shapes_that_do_not_fit_are_refused():
    picture = random_picture(size=(4, 5))
    with pytest.raises(OptionError, match=r"\(1, 3, 4, 5\) and \(1, 3, 5, 4\): resize one"):
        colour.keep_chroma(picture, picture.mT)
    for bad in (picture[0], picture[:, :1], picture[..., :0]):
        with pytest.raises(OptionError, match=r"have the shape \(B, 3, H, W\)"):
            colour.match_colours(picture, bad)
    with pytest.raises(OptionError, match="do not pair up"):
        colour.match_lightness(picture.expand(2, -1, -1, -1), picture.expand(3, -1, -1, -1))
    for weights, message in (
        (torch.ones(1, 1, 5, 4), "does not fit"),
        (torch.ones(2, 1, 4, 5), "2 weight maps do not fit 1 pictures"),
        (torch.zeros(1, 1, 4, 5), "zero everywhere"),
    ):
        with pytest.raises(OptionError, match=message):
            colour.match_colours(picture, picture, style_weights=weights)

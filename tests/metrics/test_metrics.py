"""Every metric against an independent implementation or a closed form, and what all must keep."""

import math
from functools import cache, partial

import numpy as np
import pytest
import scipy.spatial
import scipy.special
import scipy.stats
import skimage.color
import skimage.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.random_inputs import random_encoder, smooth_picture
from impasto.colour.spaces import to_oklab
from impasto.encoders.vgg import Architecture
from impasto.errors import ImageError, OptionError
from impasto.losses.sliced import sliced_distance, sliced_summary
from impasto.metrics.bootstrap import bootstrap_mean
from impasto.metrics.cfsd import cfsd
from impasto.metrics.colours import colour_distance, histogram_distance
from impasto.metrics.edges import edge_map, luma
from impasto.metrics.features import content_error, gram_error, moments_error
from impasto.metrics.lpips import LAYERS, Perceiver
from impasto.metrics.registry import METRICS, Seen, get_metric, measure
from impasto.metrics.ssim import edge_ssim, ssim

some = settings(max_examples=20, deadline=None)  # other work may share the machine


def noise(seed, *shape):
    random = torch.Generator().manual_seed(seed)
    return torch.rand(*shape, generator=random, dtype=torch.float64)


def pictures(seed):
    """Two unlike pictures of one size."""
    one = smooth_picture(40, 52, seed=seed).double()
    return one, (0.8 * one + 0.2 * smooth_picture(40, 52, seed=seed + 1000)).clamp(0, 1)


def features(seed, channels=5, height=7, width=9):
    return noise(seed, 2, channels, height, width) - 0.3


def plain(color):
    """A picture of one colour."""
    return torch.tensor(color, dtype=torch.float64).view(1, 3, 1, 1).expand(1, 3, 12, 14)


# --- What all of them keep ------------------------------------------------------------------------

LIMITS = {"ssim": (-1, 1), "edge-ssim": (-1, 1), "histogram": (0, 1)}
PERFECT = {"ssim": 1.0, "edge-ssim": 1.0}
SYMMETRIC = ("ssim", "edge-ssim", "colours", "histogram", "lpips", "lpips-alexnet")


@cache
def perceiver():
    """A little VGG-16 with some weights."""
    encoder = random_encoder(Architecture((3, 4, 4, 5, 5), (2, 2, 3, 3, 3))).double()
    weights = [noise(i, 1, encoder.channels(layer), 1, 1) for i, layer in enumerate(LAYERS)]
    return Perceiver(lambda picture: list(encoder(picture, LAYERS).values()), weights)


def function_of(metric):
    """As for pictures or features alone."""
    if metric.open is None:
        return metric.function
    return partial(metric.function, perceiver=perceiver())


def arguments(metric, seed):
    """Two arguments as the metric takes them."""
    return (features(seed), features(seed + 1)) if metric.layers else pictures(seed)


@pytest.mark.parametrize("name", METRICS)
@some
@given(seed=st.integers(0, 10**6))
def test_ranges_identity_and_symmetry(name, seed):
    metric = get_metric(name)
    one, other = arguments(metric, seed)
    if not metric.against:
        return
    function = function_of(metric)
    found = function(one, other)
    assert found.shape == (len(one),)
    assert found.dtype == one.dtype
    low, high = LIMITS.get(name, (0, math.inf))
    perfect = function(one, one)
    assert ((low <= found) & (found <= high)).all()
    torch.testing.assert_close(
        perfect, torch.full_like(perfect, PERFECT.get(name, 0.0)), atol=1e-7, rtol=1e-7
    )
    assert ((found < perfect) if metric.better == "higher" else (found > perfect)).all()
    if name in SYMMETRIC:
        torch.testing.assert_close(function(other, one), found)


@pytest.mark.parametrize("name", METRICS)
def test_a_batch_is_its_pictures_one_by_one(name):
    metric = get_metric(name)
    pairs = [arguments(metric, seed) for seed in (1, 2)]
    sides = [torch.cat(side) for side in zip(*pairs, strict=True)][: 2 if metric.against else 1]
    function = function_of(metric)
    together = function(*sides)
    alone = [function(*(part[i : i + 1] for part in sides)) for i in range(len(sides[0]))]
    torch.testing.assert_close(together, torch.cat(alone))


def test_the_records_say_what_they_need():
    for name, metric in METRICS.items():
        assert metric.better in ("lower", "higher"), name
        assert metric.about, name
        assert metric.source, name
        assert metric.needs_content == (metric.against == "content")
        assert metric.needs_style == (metric.against == "style")
    with pytest.raises(OptionError, match="Did you mean 'gram'"):
        get_metric("gramm")


def test_a_metric_of_layers_is_their_mean_and_tells_each():
    def seen(seed):
        layers = METRICS["gram"].layers
        return Seen(pictures(seed)[0], {n: features(seed + i)[:1] for i, n in enumerate(layers)})

    one, other = seen(10), seen(20)
    found = measure("gram", one, other)
    assert list(found) == [*(f"gram.relu{n}_1" for n in range(1, 6)), "gram"]
    assert found["gram"] == pytest.approx(np.mean([v for k, v in found.items() if k != "gram"]))
    third = gram_error(one.features["relu3_1"], other.features["relu3_1"]).item()
    assert found["gram.relu3_1"] == third
    assert list(measure("tv", one, None)) == ["tv"]
    assert measure("ssim", one, other)["ssim"] == ssim(one.picture, other.picture).item()


# --- Content and style ----------------------------------------------------------------------------


def test_content_gram_and_moments_by_hand():
    one, other = features(1), features(2)
    for index in range(2):
        f, p = (side[index].flatten(1).numpy() for side in (one, other))
        expected = np.square(f - p).sum() / np.square(p).sum()
        assert content_error(one, other)[index].item() == pytest.approx(expected)
        g, a = (x @ x.T / x.shape[1] for x in (f, p))
        expected = np.square(g - a).sum() / np.square(a).sum()
        assert gram_error(one, other)[index].item() == pytest.approx(expected)
        change = np.square(f.mean(1) - p.mean(1)).sum() + np.square(f.std(1) - p.std(1)).sum()
        expected = change / (np.square(p.mean(1)).sum() + np.square(p.std(1)).sum())
        assert moments_error(one, other)[index].item() == pytest.approx(expected, rel=2e-3)


def test_styles_may_have_any_size_and_contents_not():
    one, other = features(1), features(2, height=4, width=20)
    assert gram_error(one, other).shape == (2,)
    assert moments_error(one, other).shape == (2,)
    for function in (content_error, cfsd):
        with pytest.raises(OptionError, match="same size"):
            function(one, other)


# --- Structural similarity ------------------------------------------------------------------------


def scikit_ssim(one, other, span):
    return skimage.metrics.structural_similarity(
        one[0, 0].numpy(), other[0, 0].numpy(), data_range=span, gaussian_weights=True, sigma=1.5,
        use_sample_covariance=False,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_ssim_is_scikit_images(seed):
    one, other = pictures(seed)
    expected = scikit_ssim(luma(one), luma(other), 1.0)
    assert ssim(one, other).item() == pytest.approx(expected, abs=1e-12)
    assert ssim(one.float(), other.float()).item() == pytest.approx(expected, abs=1e-6)
    expected = scikit_ssim(edge_map(one), edge_map(other), 0.5)
    assert edge_ssim(one, other).item() == pytest.approx(expected, abs=1e-12)
    noisy = noise(seed, 1, 3, 40, 52)
    assert ssim(one, noisy).item() == pytest.approx(scikit_ssim(luma(one), luma(noisy), 1.0))


def test_ssim_of_plain_pictures_is_its_luminance_term():
    one, other, c1 = plain((0.2,) * 3), plain((0.6,) * 3), 1e-4
    expected = (2 * 0.2 * 0.6 + c1) / (0.2**2 + 0.6**2 + c1)
    assert ssim(one, other).item() == pytest.approx(expected)
    assert edge_ssim(one, other).item() == pytest.approx(1)  # no edges in either


def test_ssim_of_a_negative_is_below_zero():
    one = 0.25 + 0.5 * noise(1, 1, 1, 30, 30).expand(1, 3, 30, 30)
    assert ssim(1 - one, one).item() < -0.5


@pytest.mark.parametrize("function", [ssim, edge_ssim])
def test_ssim_refuses_what_it_cannot_compare(function):
    with pytest.raises(OptionError, match="same size"):
        function(torch.zeros(1, 3, 20, 20), torch.zeros(1, 3, 20, 21))
    with pytest.raises(ImageError, match="at least 11 px"):
        function(torch.zeros(1, 3, 20, 10), torch.zeros(1, 3, 20, 10))
    assert function(torch.zeros(1, 3, 11, 11), torch.zeros(1, 3, 11, 11)).item() == 1


# --- CFSD -----------------------------------------------------------------------------------------


def cfsd_by_scipy(result, content):
    """KL(content ‖ result) of each row, added up, in float64."""
    rows = []
    for features in (result, content):
        vectors = features.flatten(1).numpy().T.astype(np.float64) / features.shape[0]
        rows.append(vectors @ vectors.T)
    reached, wanted = (scipy.special.log_softmax(matrix, axis=1) for matrix in rows)
    return scipy.special.rel_entr(np.exp(wanted), np.exp(reached)).sum()


@pytest.mark.parametrize("scale", [1.0, 10.0, 60.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_cfsd_is_what_scipy_says(scale, dtype):
    one, other = scale * features(3), scale * features(4)
    expected = [cfsd_by_scipy(one[i], other[i]) for i in range(2)]
    found = cfsd(one.to(dtype), other.to(dtype))
    torch.testing.assert_close(
        found.double(), torch.tensor(expected, dtype=torch.float64), rtol=2e-4, atol=1e-12
    )


def test_cfsd_is_exact_where_the_plain_form_drowns_in_rounding(monkeypatch):
    one = features(3, channels=8, height=30, width=40)[:1]
    near = one + 1e-3 * features(4, channels=8, height=30, width=40)[:1]
    expected = cfsd_by_scipy(near[0], one[0])
    reached, wanted = (
        (x[0].flatten(1).float().mT / 8 @ x[0].flatten(1).float() / 8).log_softmax(1)
        for x in (near, one)
    )
    plain_form = (wanted.exp() * (wanted - reached)).sum().item()
    assert abs(plain_form / expected - 1) > 0.1
    for rows in (7, 512):
        monkeypatch.setattr("impasto.metrics.cfsd._ROWS_AT_ONCE", rows)
        assert cfsd(near.float(), one.float()).item() == pytest.approx(expected, rel=1e-3)


def test_cfsd_sees_structure_and_not_where_it_stands():
    one = features(3)
    shuffle = torch.randperm(63, generator=torch.Generator().manual_seed(1))

    def moved(x):
        return x.flatten(2)[..., shuffle].view_as(x)

    torch.testing.assert_close(cfsd(moved(one), moved(features(4))), cfsd(one, features(4)))
    mirrored = -one  # every similarity as before
    torch.testing.assert_close(cfsd(mirrored, one), torch.zeros(2, dtype=one.dtype))


# --- Colours --------------------------------------------------------------------------------------


@some
@given(st.integers(0, 10**6))
def test_colour_distance_is_that_of_the_style_loss(seed):
    one, other = noise(seed, 1, 3, 17, 23), noise(seed + 1, 1, 3, 11, 40) ** 2
    summaries = (sliced_summary(to_oklab(picture), None) for picture in (one, other))
    expected = sliced_distance(*summaries).sqrt()
    torch.testing.assert_close(colour_distance(one, other), expected, rtol=1e-6, atol=1e-9)


def test_colour_distance_of_a_shift_is_its_length():
    black, white = plain((0, 0, 0)), plain((1, 1, 1))
    assert colour_distance(black, white).item() == pytest.approx(1, abs=1e-6)
    one, other = plain((0.8, 0.2, 0.1)), plain((0.3, 0.4, 0.9))
    expected = (to_oklab(one) - to_oklab(other))[0, :, 0, 0].norm().item()
    assert colour_distance(one, other).item() == pytest.approx(expected)


def test_colour_distance_is_at_most_the_transport_of_all_colours():
    one, other = noise(1, 1, 3, 8, 8), noise(2, 1, 3, 8, 8) * 0.6
    points = [to_oklab(x).flatten(2)[0].T.numpy() for x in (one, other)]
    costs = scipy.spatial.distance.cdist(*points, "sqeuclidean")
    best = costs[scipy.optimize.linear_sum_assignment(costs)].mean() ** 0.5
    found = colour_distance(one, other).item()
    assert 0.8 * best < found <= best + 1e-9


def test_histogram_distance_is_hellingers_of_numpys_histogram():
    one, other = pictures(3)
    shares = []
    for picture in (one, other):
        points = to_oklab(picture).flatten(2)[0].T.numpy()
        counts, _ = np.histogramdd(points, bins=16, range=[(0, 1), (-0.4, 0.4), (-0.4, 0.4)])
        shares.append(counts / len(points))
    expected = math.sqrt(max(0, 1 - np.sqrt(shares[0] * shares[1]).sum()))
    assert histogram_distance(one, other).item() == pytest.approx(expected, abs=1e-7)
    assert histogram_distance(plain((0, 0, 0)), plain((1, 1, 1))).item() == 1


def test_colours_do_not_ask_where_or_how_large():
    one, other = pictures(5)
    turned = other.mT.flip(-1)
    for function in (colour_distance, histogram_distance):
        torch.testing.assert_close(function(one, turned), function(one, other))
        tiled = other.repeat(1, 1, 2, 1)
        torch.testing.assert_close(function(one, tiled), function(one, other), rtol=1e-3, atol=1e-6)


# --- Total variation ------------------------------------------------------------------------------


def test_total_variation_by_numpy():
    picture = noise(1, 1, 3, 9, 14)
    x = picture.numpy()
    expected = (np.abs(np.diff(x, axis=2)).sum() + np.abs(np.diff(x, axis=3)).sum()) / x.size
    assert METRICS["tv"].function(picture).item() == pytest.approx(expected)


# --- Intervals ------------------------------------------------------------------------------------


def test_bootstrap_is_scipys():
    values = np.random.default_rng(1).gamma(2.0, size=25)
    found = bootstrap_mean(values)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20000, rng=np.random.default_rng(2)
    ).confidence_interval
    spread = theirs.high - theirs.low
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(theirs.low, abs=0.05 * spread)
    assert found.high == pytest.approx(theirs.high, abs=0.05 * spread)


def test_bootstrap_of_two_values_has_a_closed_form():
    # Means of 2 draws from {0, 1}: 0, ½, 1 with 1/4, 1/2, 1/4.
    assert bootstrap_mean([0, 1]).low == 0
    assert bootstrap_mean([0, 1]).high == 1
    half = bootstrap_mean([0, 1], level=0.4)
    assert (half.low, half.mean, half.high) == (0.5, 0.5, 0.5)


@some
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_bootstrap_holds_the_mean_and_is_the_same_again(values):
    found = bootstrap_mean(values, resamples=200)
    slack = 1e-9 * max(map(abs, values))
    assert min(values) - slack <= found.low <= found.high <= max(values) + slack
    assert found == bootstrap_mean(values, resamples=200)


def test_a_single_value_has_no_interval():
    found = bootstrap_mean([0.3])
    assert found.mean == 0.3
    assert math.isnan(found.low)
    assert math.isnan(found.high)

"""What every metric must fulfil, and the registry."""

import math
from functools import cache, partial

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.metric_inputs import features, noise, pictures, some
from helpers.random_inputs import random_encoder
from impasto.encoders.vgg import Architecture
from impasto.errors import OptionError
from impasto.evaluation.results import directions
from impasto.metrics.features import gram_error
from impasto.metrics.lpips import LAYERS, LpipsModel
from impasto.metrics.registry import (
    METRICS,
    SET_METRICS,
    Metric,
    MetricInput,
    SetMetric,
    available_metrics,
    get_metric,
    measure,
    register_metric,
    resolve_metrics,
)
from impasto.metrics.ssim import ssim

LIMITS = {"ssim": (-1, 1), "edge-ssim": (-1, 1), "histogram": (0, 1)}
SYMMETRIC = ("ssim", "edge-ssim", "colours", "histogram", "lpips", "lpips-alexnet")


@cache
def lpips_model():
    """A tiny VGG-16 with some weights."""
    encoder = random_encoder(Architecture((3, 4, 4, 5, 5), (2, 2, 3, 3, 3))).double()
    weights = [noise(i, 1, encoder.channels(layer), 1, 1) for i, layer in enumerate(LAYERS)]
    return LpipsModel(lambda picture: list(encoder(picture, LAYERS).values()), weights)


def function_of(metric):
    """The function of pictures or features, with its network if it needs one."""
    if metric.open is None:
        return metric.function
    return partial(metric.function, model=lpips_model())


def arguments(metric, seed):
    """Two arguments that the metric takes."""
    return (features(seed), features(seed + 1)) if metric.layers else pictures(seed)


def test_ranges_are_those_of_the_papers():
    limits = {"ssim": (-1, 1), "edge-ssim": (-1, 1), "histogram": (0, 1)}
    perfect = {"ssim": 1.0, "edge-ssim": 1.0}
    for name, metric in METRICS.items():
        if metric.reference:
            assert metric.range == limits.get(name, (0, math.inf)), name
            best = metric.range[1] if metric.better == "higher" else metric.range[0]
            assert best == perfect.get(name, 0.0), name


@pytest.mark.parametrize("name", METRICS)
@some
@given(seed=st.integers(0, 10**6))
def test_ranges_identity_and_symmetry(name, seed):
    metric = get_metric(name)
    one, other = arguments(metric, seed)
    if not metric.reference:
        return
    function = function_of(metric)
    values = function(one, other)
    assert values.shape == (len(one),)
    assert values.dtype == one.dtype
    low, high = metric.range
    perfect = function(one, one)
    best = high if metric.better == "higher" else low
    assert ((low <= values) & (values <= high)).all()
    torch.testing.assert_close(
        perfect,
        torch.full_like(perfect, best),
        atol=1e-7,
        rtol=1e-7,
    )
    assert ((values < perfect) if metric.better == "higher" else (values > perfect)).all()
    if name in SYMMETRIC:
        torch.testing.assert_close(function(other, one), values)


@pytest.mark.parametrize("name", METRICS)
def test_a_batch_is_its_pictures_one_by_one(name):
    metric = get_metric(name)
    pairs = [arguments(metric, seed) for seed in (1, 2)]
    sides = [torch.cat(side) for side in zip(*pairs, strict=True)][: 2 if metric.reference else 1]
    function = function_of(metric)
    together = function(*sides)
    alone = [function(*(part[i : i + 1] for part in sides)) for i in range(len(sides[0]))]
    torch.testing.assert_close(together, torch.cat(alone))


def test_every_metric_is_described():
    for name, metric in METRICS.items():
        assert metric.better in ("lower", "higher"), name
        assert metric.about, name
        assert metric.source, name
        assert metric.reference in ("content", "style", ""), name
        assert metric.range == LIMITS.get(name, (0, math.inf)), name
    with pytest.raises(OptionError, match="Did you mean 'gram'"):
        get_metric("gramm")


def test_a_metric_of_layers_gives_each_and_their_mean():
    def metric_input(seed):
        layers = METRICS["gram"].layers
        return MetricInput(
            pictures(seed)[0], {n: features(seed + i)[:1] for i, n in enumerate(layers)}
        )

    one, other = metric_input(10), metric_input(20)
    values = measure("gram", one, other)
    assert list(values) == [*(f"gram.relu{n}_1" for n in range(1, 6)), "gram"]
    assert values["gram"] == pytest.approx(np.mean([v for k, v in values.items() if k != "gram"]))
    third = gram_error(one.features["relu3_1"], other.features["relu3_1"]).item()
    assert values["gram.relu3_1"] == third
    assert list(measure("tv", one, None)) == ["tv"]
    assert measure("ssim", one, other)["ssim"] == ssim(one.picture, other.picture).item()


def test_total_variation_by_numpy():
    picture = noise(1, 1, 3, 9, 14)
    x = picture.numpy()
    expected = (np.abs(np.diff(x, axis=2)).sum() + np.abs(np.diff(x, axis=3)).sum()) / x.size
    assert METRICS["tv"].function(picture).item() == pytest.approx(expected)


def test_a_metric_of_another_package_is_measured_like_the_others(monkeypatch):
    for table in (METRICS, SET_METRICS):
        monkeypatch.setattr(table, "_entries", dict(table._entries))
    mean = Metric(
        lambda picture: picture.mean((1, 2, 3)),
        reference="",
        better="higher",
        about="mean of all values",
        source="this test",
    )
    register_metric("mean", mean)
    register_metric("double-fid", SetMetric(lambda fid, _: 2 * fid, "lower", "2 FID", "this test"))
    assert resolve_metrics(["mean", "double-fid"]) == (["mean"], ["double-fid"])
    assert "mean" in available_metrics()
    assert directions()["mean"] == "higher"
    picture = pictures(1)[0]
    assert measure("mean", MetricInput(picture, {}), None) == {"mean": picture.mean().item()}
    for name, metric in (("ssim", mean), ("fid", mean), ("mean", SET_METRICS["fid"])):
        with pytest.raises(OptionError, match=f"'{name}' already exists: choose another name"):
            register_metric(name, metric)

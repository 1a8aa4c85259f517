"""Summaries from the features before a linear readout equal those after it."""

from __future__ import annotations

import copy

import pytest
import torch

from impasto.encoders.protocol import as_feature_extractor
from impasto.encoders.vgg import RAW, Architecture, Encoder
from impasto.losses.moments import affine_moments, mean_and_gram
from impasto.losses.statistics import STATISTICS, get_statistic
from impasto.objective.objective import Objective
from impasto.objective.readouts import plan_summary
from impasto.objective.terms import SummaryTerm
from impasto.objective.tiled import TiledObjective
from impasto.objective.tiles import plan_tiles

LAYERS = ("relu1_1", "relu2_2", "relu3_1")
CARRIED = [name for name, statistic in STATISTICS.items() if statistic.from_moments]


def random(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def encoder():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        readouts = {"relu1_1": 7, "relu2_2": 5}  # and none at relu3_1
        result = Encoder(Architecture((4, 6, 8), (2, 2, 2), padding="reflect", readouts=readouts))
        for readout in result.readouts.values():
            torch.nn.init.normal_(readout.bias)
    return result.double().frozen()


def terms(encoder, statistic, maps=None):
    """The plain term, and the one that knows the readouts."""
    style = encoder(random(1, 3, 24, 20, seed=5), LAYERS)
    targets = {name: STATISTICS[statistic].summary(style[name], None) for name in LAYERS}
    return [
        SummaryTerm(targets, statistic=statistic, maps=maps, readouts=readouts)
        for readouts in (None, encoder.linear_readouts())
    ]


def maps_of(masked, height=32, width=28):
    if not masked:
        return None
    sizes = {"relu1_1": 1, "relu2_2": 2, "relu3_1": 4}
    return {name: random(1, 1, height // n, width // n, seed=n) for name, n in sizes.items()}


@pytest.mark.parametrize("weighted", [False, True])
def test_moments_after_a_linear_map(weighted):
    features, weight, bias = random(2, 4, 5, 6), random(3, 4, seed=1), random(3, seed=2)
    where = random(2, 1, 5, 6, seed=3) if weighted else None
    mapped = torch.einsum("oc,bchw->bohw", weight, features) + bias[:, None, None]
    actual = affine_moments(mean_and_gram(features, where), weight, bias)
    expected = mean_and_gram(mapped, where)
    torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-12)
    shares = torch.full_like(mapped[:, :1], 1 / 30) if where is None else where
    shares = shares / shares.sum((2, 3), keepdim=True)
    gram = torch.einsum("bihw,bjhw,bhw->bij", mapped, mapped, shares[:, 0])
    torch.testing.assert_close(expected["gram"], gram, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(expected["mean"], (mapped * shares).sum((2, 3)), rtol=1e-12, atol=0)


def test_gradient_of_mean_and_gram():
    features = random(2, 3, 2, 4).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda f: tuple(mean_and_gram(f, None).values()), features, atol=1e-8
    )


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("statistic", STATISTICS)
def test_losses_and_gradients_equal_those_through_the_readout(encoder, statistic, masked):
    plain, carried = terms(encoder, statistic, maps_of(masked))
    picture = random(2, 3, 32, 28, seed=9)
    expected, slope = Objective([plain], encoder).gradient(picture)
    actual, gradient = Objective([carried], encoder).gradient(picture)
    assert actual == pytest.approx(expected, rel=1e-8)
    torch.testing.assert_close(gradient, slope, rtol=1e-6, atol=1e-9 * float(slope.abs().max()))
    raw = [name for name in carried.layers if name.startswith(RAW)]
    assert len(raw) == (2 if statistic in CARRIED else 0)
    assert plain.layers == LAYERS


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("statistic", CARRIED)
def test_the_same_in_tiles(encoder, statistic, masked):
    _, carried = terms(encoder, statistic, maps_of(masked))
    picture = random(1, 3, 32, 28, seed=9)
    tiles = plan_tiles((32, 28), 12, stride=4, halo=encoder.halo(LAYERS))
    assert len(tiles) > 1
    objective = Objective([carried], encoder)
    expected, slope = objective.gradient(picture)
    actual, gradient = TiledObjective(objective, encoder, tiles).gradient(picture)
    assert actual == pytest.approx(expected, rel=1e-10)
    torch.testing.assert_close(gradient, slope, rtol=1e-8, atol=1e-12)


def test_a_rectified_readout_is_not_linear(encoder):
    architecture = Architecture((4,), (1,), readouts={"relu1_1": 5}, readouts_rectified=True)
    assert Encoder(architecture).linear_readouts() == {}
    assert set(encoder.linear_readouts()) == {"relu1_1", "relu2_2"}


def test_raw_features_are_the_input_of_the_next_layer(encoder):
    picture = random(1, 3, 16, 16)
    both = encoder(picture, ["relu1_1", f"{RAW}relu1_1"])
    raw = encoder.without_readouts()(picture, ["relu1_1"])["relu1_1"]
    torch.testing.assert_close(both[f"{RAW}relu1_1"], raw)
    torch.testing.assert_close(both["relu1_1"], encoder.read_out("relu1_1", raw))
    assert encoder.stride(f"{RAW}relu3_1") == encoder.stride("relu3_1") == 4


def test_a_subclass_with_another_forward_has_no_linear_readouts(encoder):
    class Doubled(Encoder):
        def forward(self, image, layers):
            return {name: 2 * f for name, f in super().forward(image, layers).items()}

    assert set(encoder.linear_readouts()) == {"relu1_1", "relu2_2"}
    other = copy.deepcopy(encoder)
    other.__class__ = Doubled
    assert other.linear_readouts() == {}
    assert as_feature_extractor(lambda image, layers: {}).linear_readouts() == {}


def test_trained_readouts_get_gradients(encoder):
    learning = copy.deepcopy(encoder).requires_grad_(True)
    readouts = learning.linear_readouts()
    layer = next(iter(readouts))
    statistic = get_statistic("gram")
    features = learning(random(1, 3, 24, 20), [layer, RAW + layer])
    slopes = []
    for readout in (readouts[layer], None):
        plan = plan_summary(layer, statistic, readout)
        summary = plan.finish(plan.summarize(features[plan.source], None))
        parts = [learning.readouts[layer].weight, learning.readouts[layer].bias]
        slopes.append(torch.autograd.grad(summary["gram"].square().sum(), parts, retain_graph=True))
    for read, plain in zip(*slopes, strict=True):
        torch.testing.assert_close(read, plain, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_sums_in_float32_and_has_half_precision_gradients(dtype):
    """The sums to the bit; the slope is rounded to the map's type, its product in that type."""
    rough = random(2, 8, 12, 9, seed=3).to(dtype).to(memory_format=torch.channels_last)
    slopes, sums = [], []
    for maps in (rough.clone(), rough.float()):
        maps.requires_grad_(True)
        result = mean_and_gram(maps, None)
        sums.append(result)
        loss = (result["gram"] * torch.linspace(-1, 2, 64).view(8, 8)).sum() + result["mean"].sum()
        loss.backward()
        assert maps.grad is not None
        assert maps.grad.dtype == maps.dtype
        slopes.append(maps.grad.float())
    for name, value in sums[1].items():
        assert value.dtype == torch.float32
        assert torch.equal(sums[0][name], value)
    assert float((slopes[0] - slopes[1]).norm()) < 0.01 * float(slopes[1].norm())


def test_half_precision_gradients_of_uniform_maps():
    """Of what depends on covariances alone: a mean thirty times as large may not drown it."""
    noise = random(1, 8, 24, 24, seed=3).float()
    rough = (30 * random(1, 8, 1, 1, seed=4).float() + 5 + noise).bfloat16()
    weight = torch.linspace(-1, 2, 64).view(8, 8)
    slopes = []
    for maps in (rough.clone(), rough.double()):
        maps = maps.to(memory_format=torch.channels_last).requires_grad_(True)
        result = mean_and_gram(maps, None)
        covariance = result["gram"] - result["mean"][:, :, None] * result["mean"][:, None, :]
        (covariance * weight.to(covariance)).sum().backward()
        slopes.append(maps.grad.double())
    assert float((slopes[0] - slopes[1]).norm() / slopes[1].norm()) < 0.01

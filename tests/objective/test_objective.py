"""The objective: its terms, their sum, the gradient, and one forward pass for all."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck

from impasto.encoders.vgg import Architecture, Encoder
from impasto.errors import OptionError
from impasto.losses.content import CONTENT_NORMALIZATIONS, content_loss
from impasto.losses.statistics import (
    STATISTICS,
    STYLE_NORMALIZATIONS,
    get_statistic,
    mix,
    style_loss,
)
from impasto.losses.total_variation import VARIATIONS, total_variation
from impasto.objective.objective import Objective
from impasto.objective.terms import ContentTerm, StyleTerm, TotalVariation

LAYERS = ("shallow", "middle", "deep")


def filters(channels_out, channels_in, seed):
    random = torch.Generator().manual_seed(seed)
    return torch.randn(channels_out, channels_in, 3, 3, generator=random, dtype=torch.float64) / 3


def encode(image, layers):
    """A custom encoder: a plain function, smooth, in float64."""
    shallow = torch.tanh(F.conv2d(image, filters(4, 3, 0), padding=1))
    middle = torch.tanh(F.conv2d(shallow, filters(5, 4, 1), padding=1))
    deep = torch.tanh(F.conv2d(F.avg_pool2d(middle, 2), filters(6, 5, 2), padding=1))
    features = {"shallow": shallow, "middle": middle, "deep": deep}
    return {name: features[name] for name in layers}


class Counting:
    """``encode``, recording the requested layers."""

    def __init__(self):
        self.requests = []

    def __call__(self, image, layers):
        self.requests.append(tuple(layers))
        return encode(image, layers)


def picture(seed=0, batch=1, side=8):
    random = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 3, side, side, generator=random, dtype=torch.float64)


def content(seed=1, layers=("deep",), **options):
    return ContentTerm(encode(picture(seed), layers), **options)


def style(seed=2, layers=("shallow", "middle"), **options):
    return StyleTerm(encode(picture(seed, side=12), layers), **options)


def all_terms(**options):
    return [content(weight=2.0), style(weight=3.0, **options), TotalVariation(0.5)]


def same(got, expected, rtol=1e-12):
    assert list(got) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, rtol=rtol, atol=0)


# --- Losses -----------------------------------------------------------------------------------


@pytest.mark.parametrize("statistic", STATISTICS)
def test_objective_returns_the_weighted_losses(statistic):
    image = picture(batch=2)
    features, content_features = encode(image, LAYERS), encode(picture(1), ["deep"])
    expected = {"content.deep": 2 * content_loss(features["deep"], content_features["deep"]).mean()}
    chosen = get_statistic(statistic)
    for name, target in encode(picture(2, side=12), ["shallow", "middle"]).items():
        summaries = chosen.summary(features[name], None), chosen.summary(target, None)
        expected[f"style.{name}"] = 3 / 2 * style_loss(chosen, *summaries).mean()
    expected["tv"] = 0.5 * total_variation(image).mean()
    same(Objective(all_terms(statistic=statistic), encode)(image), expected)


@pytest.mark.parametrize("normalization", CONTENT_NORMALIZATIONS)
def test_content_normalizations(normalization):
    objective = Objective([content(normalization=normalization)], encode)
    features, target = (encode(picture(seed), ["deep"])["deep"] for seed in (0, 1))
    expected = content_loss(features, target, normalization)[0]
    same(objective(picture()), {"content.deep": expected})


@pytest.mark.parametrize("normalization", STYLE_NORMALIZATIONS)
def test_style_normalizations(normalization):
    objective = Objective([style(layers=["deep"], normalization=normalization)], encode)
    gram = get_statistic("gram")
    pictures = picture(), picture(2, side=12)
    summaries = (gram.summary(encode(each, ["deep"])["deep"], None) for each in pictures)
    same(objective(picture()), {"style.deep": style_loss(gram, *summaries, normalization)[0]})


@pytest.mark.parametrize("kind", VARIATIONS)
@pytest.mark.parametrize("mean", [False, True])
def test_variations(kind, mean):
    objective = Objective([TotalVariation(4.0, kind=kind, mean=mean)], encode)
    expected = 4 * total_variation(picture(batch=2), kind, mean=mean).mean()
    same(objective(picture(batch=2)), {"tv": expected})


def test_losses_of_the_same_picture_are_zero():
    image = picture(1)
    features = encode(image, LAYERS)
    objective = Objective([ContentTerm(features), StyleTerm(features)], encode)
    assert all(abs(value.item()) < 1e-20 for value in objective(image).values())


def test_evaluation_is_repeatable():
    objective, image = Objective(all_terms(), encode), picture()
    first, (_, gradient) = objective(image), objective.gradient(image)
    objective(picture(5))
    same(objective(image), first, rtol=0)
    assert torch.equal(objective.gradient(image)[1], gradient)


def test_targets_are_detached():
    source = picture(1).requires_grad_()
    features = encode(source, LAYERS)
    objective = Objective([ContentTerm(features), StyleTerm(features)], encode)
    objective.gradient(picture())
    objective.gradient(picture())
    assert not any(value.requires_grad for value in objective(picture()).values())


def test_losses_of_the_same_name_are_added():
    twice = Objective([style(2), style(3)], encode)(picture())
    alone = [Objective([style(seed)], encode)(picture()) for seed in (2, 3)]
    same(twice, {name: alone[0][name] + alone[1][name] for name in alone[0]})


class Darkness:
    """A custom term."""

    layers = ("image", "deep")

    def __call__(self, features):
        return {"dark": features["image"].mean() + 0 * features["deep"].mean()}


def test_custom_term():
    objective = Objective([Darkness()], encode)
    assert objective.layers == ("deep",)
    same(objective(picture()), {"dark": picture().mean()}, rtol=1e-9)


# --- Layer weights and several styles ---------------------------------------------------------


@pytest.mark.parametrize(("make", "name"), [(content, "content"), (style, "style")])
def test_default_layer_weights_are_equal_and_sum_to_one(make, name):
    together = Objective([make(layers=LAYERS, weight=6.0)], encode)(picture())
    for layer in LAYERS:
        alone = Objective([make(layers=[layer])], encode)(picture())
        same(alone, {f"{name}.{layer}": together[f"{name}.{layer}"] / 2})


@pytest.mark.parametrize(("make", "name"), [(content, "content"), (style, "style")])
def test_layer_weights_are_not_normalized(make, name):
    weights = {"deep": 5.0, "shallow": 0.25}
    term, plain = make(layers=LAYERS, weight=2.0, layer_weights=weights), make(layers=LAYERS)
    got, alone = (Objective([each], encode)(picture()) for each in (term, plain))
    same(got, {f"{name}.{x}": 6 * weights.get(x, 0) * alone[f"{name}.{x}"] for x in LAYERS})


@pytest.mark.parametrize("make", [content, style])
def test_weight_of_an_unknown_layer_lists_the_known(make):
    with pytest.raises(OptionError, match="'relu1_1': choose one of shallow, deep"):
        make(layers=["shallow", "deep"], layer_weights={"relu1_1": 1.0})


@pytest.mark.parametrize("statistic", STATISTICS)
def test_several_styles_are_a_mixture_of_summaries(statistic):
    sources = [encode(picture(seed, side=10 + seed), ["deep"]) for seed in (2, 3)]
    term = StyleTerm(sources, statistic=statistic, shares=[3, 1])
    chosen = get_statistic(statistic)
    target = mix([chosen.summary(each["deep"], None) for each in sources], [0.75, 0.25])
    ours = chosen.summary(encode(picture(), ["deep"])["deep"], None)
    same(Objective([term], encode)(picture()), {"style.deep": style_loss(chosen, ours, target)[0]})


def test_styles_have_equal_shares_by_default():
    a, b = (encode(picture(seed), ["shallow", "deep"]) for seed in (2, 3))

    def losses(styles, **options):
        return Objective([StyleTerm(styles, **options)], encode)(picture())

    same(losses([a, b]), losses([a, b], shares=[7, 7]))
    same(losses([a, b], shares=[0, 1]), losses(b))
    same(losses([a]), losses(a))


# --- The gradient -----------------------------------------------------------------------------


@pytest.mark.parametrize("statistic", STATISTICS)
def test_gradient_is_that_of_the_sum(statistic):
    objective, image = Objective(all_terms(statistic=statistic), encode), picture()
    assert gradcheck(lambda x: sum(objective(x).values()), image.clone().requires_grad_())
    losses, gradient = objective.gradient(image)
    assert losses == {name: value.item() for name, value in objective(image).items()}
    step = torch.randn(image.shape, generator=torch.Generator().manual_seed(9)).double()
    ahead, behind = (sum(objective(image + t * step).values()) for t in (1e-6, -1e-6))
    slope = (ahead - behind).item() / 2e-6
    assert (gradient * step).sum().item() == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("around", [torch.no_grad, torch.enable_grad])
def test_gradient_in_any_grad_mode_leaves_the_picture_unchanged(around):
    image = picture()
    before = image.clone()
    with around():
        losses, gradient = Objective(all_terms(), encode).gradient(image)
    assert gradient.shape == image.shape
    assert gradient.abs().max() > 0
    assert all(type(value) is float for value in losses.values())
    assert torch.equal(image, before)
    assert not image.requires_grad
    assert image.grad is None


def test_a_step_along_the_gradient_reduces_the_loss():
    objective, image = Objective(all_terms(), encode), picture()
    totals = []
    for _ in range(5):
        losses, gradient = objective.gradient(image)
        totals.append(sum(losses.values()))
        image = image - 0.05 * gradient / gradient.abs().max()
    assert totals == sorted(totals, reverse=True)
    assert totals[-1] < 0.95 * totals[0]


# --- One pass ---------------------------------------------------------------------------------


def test_one_forward_pass_for_all_terms():
    encoder = Counting()
    terms = [content(layers=["deep", "middle"]), *all_terms(), style(layers=["deep", "shallow"])]
    objective = Objective(iter(terms), encoder)
    assert objective.layers == ("deep", "middle", "shallow")
    objective(picture())
    assert encoder.requests == [("deep", "middle", "shallow")]
    objective.gradient(picture())
    assert len(encoder.requests) == 2


def test_encoder_is_not_called_without_layers():
    encoder = Counting()
    Objective([TotalVariation()], encoder).gradient(picture())
    assert encoder.requests == []


def test_objective_with_an_impasto_encoder():
    torch.manual_seed(0)
    net = Encoder(Architecture(widths=(4, 6), depths=(2, 1), padding="reflect")).frozen()
    image, content_features, painted = (picture(seed, side=16).float() for seed in range(3))
    terms = [
        ContentTerm(net(content_features, ["relu2_1"])),
        StyleTerm(net(painted, ["relu1_1", "conv1_1"]), statistic="moments"),
    ]
    losses, gradient = Objective(terms, net).gradient(image)
    assert list(losses) == ["content.relu2_1", "style.conv1_1", "style.relu1_1"]
    assert all(0 < value < 10 for value in losses.values())
    step = 1e-2 * gradient / gradient.norm()
    ahead, behind = (sum(Objective(terms, net)(image + t * step).values()) for t in (1, -1))
    slope = (ahead - behind).item() / 2
    assert (gradient * step).sum().item() == pytest.approx(slope, rel=1e-2)
    with pytest.raises(OptionError, match="relu1_1"):
        Objective([style()], net)(image)


# --- Errors -----------------------------------------------------------------------------------


def test_objective_without_terms_is_an_error():
    with pytest.raises(OptionError, match="at least one term"):
        Objective([], encode)


@pytest.mark.parametrize("make", [ContentTerm, StyleTerm])
def test_term_without_layers_is_an_error(make):
    with pytest.raises(OptionError, match="at least one layer"):
        make({})


@pytest.mark.parametrize("layers", [(), (["deep"], ["shallow"]), (["deep"], ["deep", "shallow"])])
def test_styles_must_have_the_same_layers(layers):
    with pytest.raises(OptionError, match="features of the same layers"):
        StyleTerm([encode(picture(), each) for each in layers])


@pytest.mark.parametrize("shares", [[], [1], [1, -1], [0, 0], [1, 1, 1]])
def test_invalid_shares_are_an_error(shares):
    features = encode(picture(), ["deep"])
    with pytest.raises(OptionError, match="mixture of 2 styles"):
        StyleTerm([features, features], shares=shares)


@pytest.mark.parametrize(
    ("make", "allowed"),
    [
        (lambda: style(statistic="grams"), STATISTICS),
        (lambda: style(normalization="x"), STYLE_NORMALIZATIONS),
        (lambda: content(normalization="x"), CONTENT_NORMALIZATIONS),
        (lambda: TotalVariation(kind="x"), VARIATIONS),
    ],
    ids=["statistic", "style normalization", "content normalization", "variation"],
)
def test_unknown_names_list_the_known(make, allowed):
    with pytest.raises(OptionError, match="choose one of " + ", ".join(allowed)):
        Objective([make()], encode)(picture())


def test_picture_of_another_size_than_the_content_is_an_error():
    with pytest.raises(OptionError, match="same size"):
        Objective([content()], encode)(picture(side=12))

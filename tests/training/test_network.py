"""Training one-pass networks: what is learnt, what is not, and exact resumption."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers import tiny_networks
from helpers.random_inputs import random_encoder, smooth_picture
from helpers.tiny_networks import any_style, fixed_styles, network, vectors
from helpers.trainings import log_of, same
from impasto import images
from impasto.encoders.vgg import Architecture, Encoder
from impasto.errors import OptionError
from impasto.images.picture import list_pictures
from impasto.losses.statistics import get_statistic
from impasto.losses.total_variation import total_variation
from impasto.networks.adain import MomentsReader
from impasto.networks.model import IDENTITY
from impasto.networks.style_predictor import STYLE_LAYERS
from impasto.objective.terms import SummaryTerm
from impasto.training.any_style import AnyStyleTraining
from impasto.training.crops import Crops, step_generator
from impasto.training.fixed_styles import FixedStylesTraining
from impasto.training.loop import run
from impasto.training.network import OnePassTraining, summaries_of
from impasto.training.settings import PRESETS

SETTINGS = replace(tiny_networks.SETTINGS, batch=2, tv_weight=2.0, own_style=0.3)
KINDS = ["any", "fixed"]
Make = Callable[..., OnePassTraining]


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Crops:
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(3):
        images.write(folder / f"{number}.png", smooth_picture(80, 90 + number, seed=number))
    return Crops(list_pictures(folder), 64)


@pytest.fixture(scope="module")
def styles() -> dict[str, Tensor]:
    return {name: smooth_picture(80, 70, seed=9 + len(name)) for name in ("a", "bb", "ccc")}


@pytest.fixture
def make(crops: Crops, styles: dict[str, Tensor], encoder: Encoder) -> Make:
    """Tasks of a kind, all with the same initial weights."""

    def make(kind: str, name: str = "paint", **changes: Any) -> OnePassTraining:
        net = network(name).train().requires_grad_(True)
        settings = replace(SETTINGS, **changes)
        if kind == "fixed":
            return FixedStylesTraining(net, encoder, "tiny", crops, styles, settings)
        reader = any_style(name, encoder).predictor.train().requires_grad_(True)
        return AnyStyleTraining(net, encoder, "tiny", crops, crops, settings, predictor=reader)

    return make


def total(task: OnePassTraining, index: int) -> float:
    with torch.no_grad():
        return float(sum(task.losses(index, 64).values()))


# --- Learning ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "name"), [("any", "paint"), ("fixed", "johnson")])
def test_thirty_steps_lower_the_loss(kind, name, make):
    task = make(kind, name)
    before = [total(task, 1000 + index) for index in range(4)]
    for index in range(30):
        losses, rate = task.step(index, 30)
    after = [total(task, 1000 + index) for index in range(4)]
    assert sum(after) < 0.8 * sum(before)
    assert {"content", "style", "tv"} <= set(losses)
    assert rate == 0.002


@pytest.mark.parametrize("kind", KINDS)
def test_resumption_is_exact(kind, make, tmp_path):
    whole, first, second = make(kind), make(kind), make(kind)
    list(run(whole, tmp_path / "whole", steps=10))
    steps = run(first, tmp_path / "parts", steps=10)
    assert [next(steps).step for _ in range(5)] == [1, 2, 3, 4, 5]
    steps.close()
    assert [step.step for step in run(second, tmp_path / "parts", steps=10)] == [6, 7, 8, 9, 10]
    assert not same(first.state_dict(), whole.state_dict())
    assert same(second.state_dict(), whole.state_dict())
    models = [task.model() for task in (second, whole)]
    assert same(models[0].network.state_dict(), models[1].network.state_dict())
    assert same(models[0].styles, models[1].styles)
    assert log_of(tmp_path / "parts") == log_of(tmp_path / "whole")


def test_running_moments_are_resumed_and_saved(make, tmp_path):
    whole, parts = make("fixed", "johnson-batch"), make("fixed", "johnson-batch")
    list(run(whole, tmp_path / "whole", steps=4))
    list(run(parts, tmp_path / "parts", steps=2))
    parts = make("fixed", "johnson-batch")
    list(run(parts, tmp_path / "parts", steps=4))
    assert same(parts.state_dict(), whole.state_dict())
    initial = dict(network("johnson-batch").named_buffers())
    kept = dict(whole.model().network.named_buffers())
    assert all(not torch.equal(kept[key], initial[key]) for key in initial)


@pytest.mark.parametrize("kind", KINDS)
def test_the_saved_model_is_the_average(kind, make):
    task, seen = make(kind, average=0.5), []
    for index in range(3):
        task.step(index, 3)
        seen.append({k: v.clone() for k, v in task.network.state_dict().items()})
    model = task.model()
    for key, value in model.network.state_dict().items():
        # Updates 1 to 3 keep 2/11, 3/12 and 4/13 of the average; shares in units of 1/143.
        parts = 9 * 3 * 4, 9 * 4 * 11, 9 * 12 * 11
        expected = sum(part * w[key] for part, w in zip(parts, seen, strict=True)) / sum(parts)
        torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-6)
    assert not any(p.requires_grad for p in model.network.parameters())
    assert not model.network.training
    assert task.network.training
    assert (model.encoder, model.predictor is None) == ("tiny", kind == "fixed")


def test_crops_are_smaller_in_the_first_steps(make, monkeypatch):
    task, sizes = make("fixed", first_crop=48, first_share=0.5), []
    real = task.losses
    monkeypatch.setattr(task, "losses", lambda i, size: sizes.append(size) or real(i, size))
    for index in range(4):
        task.step(index, 4)
    assert sizes == [48, 48, 64, 64]


def test_rates_follow_the_schedule_and_gradients_are_clipped(make):
    task = make("fixed", constant_rate=False, gradient_norm=1e-3)
    assert task.step(0, 1000)[1] == pytest.approx(0.002 / 100)
    assert task.step(500, 1000)[1] < task.step(100, 1000)[1] == pytest.approx(0.002)
    gradients = [p.grad for p in task.network.parameters()] + [p.grad for p in task.table.rows]
    norm = torch.stack([g.norm() for g in gradients if g is not None]).norm()
    assert float(norm) == pytest.approx(1e-3, rel=1e-3)


def test_seeds_and_steps_differ(make):
    assert total(make("any"), 3) == total(make("any"), 3)
    assert total(make("any"), 3) != total(make("any"), 4)
    assert total(make("any"), 3) != total(make("any", seed=1), 3)


# --- Losses by hand ---------------------------------------------------------------------------


def batch_of(task: OnePassTraining, crops: Crops, index: int) -> tuple[Tensor, Tensor, list[bool]]:
    """Photographs, style pictures, and whether a photograph is its own style, as in a step."""
    settings, contents, styles, net = task.settings, [], [], []
    for number in range(index * settings.batch, (index + 1) * settings.batch):
        random = step_generator(settings.seed, number)
        contents.append(crops.draw(1, random, 64))
        net.append(float(torch.rand((), generator=random)) < settings.own_style)
        drawn = crops.draw(1, random, 64)
        styles.append(contents[-1] if net[-1] else drawn)
    return torch.cat(contents), torch.cat(styles), net


def gram(features: Tensor) -> Tensor:
    return torch.einsum("bchw,bdhw->bcd", features, features) / features[0, 0].numel()


def test_the_default_losses_by_hand(make, crops, encoder):
    task = make("any", batch=5, own_style=0.5)
    contents, styles, net = batch_of(task, crops, 7)
    assert 0 < sum(net) < 5
    features = {name: encoder(styles, [name])[name] for name in STYLE_LAYERS}
    with torch.no_grad():
        summaries = {n: {"mean": x.mean((2, 3)), "gram": gram(x)} for n, x in features.items()}
        painted = task.network(contents, task.predictor(summaries))
        found = task.losses(7, 64)
    seen = encoder(painted, [*STYLE_LAYERS])
    style = torch.zeros(5)
    for name in STYLE_LAYERS:
        target = gram(features[name])
        error = (gram(seen[name]) - target).square().sum((1, 2)) / target.square().sum((1, 2))
        style += 0.2 * torch.log1p(error)
    kept = encoder(contents, ["relu4_1"])["relu4_1"]
    content = (seen["relu4_1"] - kept).square().sum((1, 2, 3)) / kept.square().sum((1, 2, 3))
    expected = {
        "content": 0.25 * content.mean(),
        "style": style.mean(),
        "tv": 2.0 * total_variation(painted).mean(),
    }
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-6)


def test_the_losses_of_adain_are_the_papers(make, crops, encoder):
    """Huang & Belongie 2017, eqs. 11 to 13: t is AdaIN's own output, and the style counts ten."""
    changes = {"batch": 3, "crop": 64, "precision": "float32"}
    task = make("any", "adain", **{**vars(PRESETS["adain"]), **changes})
    contents, styles, net = batch_of(task, crops, 2)
    assert not any(net)

    def statistics(name: str, picture: Tensor) -> tuple[Tensor, Tensor]:
        variance, mean = torch.var_mean(encoder(picture, [name])[name], (2, 3), False)
        return mean, (variance + 1e-9).sqrt()

    x = encoder(contents, ["relu4_1"])["relu4_1"]
    mean, deviation = statistics("relu4_1", styles)
    t = F.instance_norm(x) * deviation[..., None, None] + mean[..., None, None]
    painted = task.network.decode(t).detach()
    content = F.mse_loss(encoder(painted, ["relu4_1"])["relu4_1"], t)
    pairs = [
        zip(statistics(name, painted), statistics(name, styles), strict=True)
        for name in STYLE_LAYERS[:4]
    ]
    style = sum(F.mse_loss(a, b) for pair in pairs for a, b in pair)
    with torch.no_grad():
        found = task.losses(2, 64)
    torch.testing.assert_close(found["content"], content, rtol=1e-2, atol=1e-5)
    torch.testing.assert_close(found["style"], 10 * style, rtol=1e-2, atol=1e-5)
    assert float(found["tv"]) == 0


@pytest.mark.parametrize(("preset", "weight"), [("dumoulin", 1e-4), ("ghiasi", 5e-4)])
def test_magentas_losses_by_hand(preset, weight, make, styles):
    """Theirs is an encoder of 0 … 255 less the mean; here features are scaled instead."""
    deep = random_encoder(Architecture((4, 6, 8, 8, 8), (2, 2, 3, 3, 1)))
    settings = PRESETS[preset]
    moments = summaries_of(deep, styles["a"], ["relu3_3"])["relu3_3"]
    target = get_statistic("gram").from_moments(moments)
    term = SummaryTerm(
        {"relu3_3": target},
        statistic="gram", layer_weights={"relu3_3": settings.style_layers["relu3_3"]},
        normalization=settings.normalization, soft=settings.soft,
    )  # fmt: skip
    picture = smooth_picture(64, 64, seed=9)
    features = deep(picture, ["relu3_3"])
    scale = 255 * 0.226
    painted, style = (
        (scale * deep(p, ["relu3_3"])["relu3_3"]).flatten(2) for p in (picture, styles["a"])
    )
    grams = [f @ f.mT / f.shape[-1] for f in (painted, style)]
    expected = weight * (grams[0] - grams[1]).square().mean()
    torch.testing.assert_close(sum(term(features).values()), expected, rtol=1e-4, atol=1e-9)
    assert settings.content_layers == {"relu3_3": pytest.approx(scale**2)}
    assert [*settings.style_layers] == ["relu1_2", "relu2_2", "relu3_3", "relu4_3"]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_makes_a_step(preset, make, crops, styles):
    deep = random_encoder(Architecture((4, 6, 8, 8, 8), (2, 2, 3, 3, 1)))
    settings = replace(PRESETS[preset], batch=2, crop=64, first_crop=64)
    net = network("adain" if preset == "adain" else "johnson").train().requires_grad_(True)
    if preset == "adain":
        task: OnePassTraining = AnyStyleTraining(
            net, deep, "deep", crops, crops, settings, predictor=MomentsReader(net.modulated)
        )
    else:
        task = FixedStylesTraining(net, deep, "deep", crops, styles, settings)
    before = [p.detach().clone() for p in net.parameters()]
    losses, _ = task.step(0, 10)
    assert all(value > 0 for value in losses.values() if value != losses["tv"])
    assert all(torch.isfinite(torch.tensor(list(losses.values()))))
    moved = [not torch.equal(p, old) for p, old in zip(net.parameters(), before, strict=True)]
    assert all(moved)


def test_a_preset_needs_its_layers(make, crops, styles, encoder):
    with pytest.raises(OptionError, match="This encoder has no layer relu"):
        FixedStylesTraining(network("johnson"), encoder, "tiny", crops, styles, PRESETS["johnson"])


# --- Fixed styles -----------------------------------------------------------------------------


def rows(task: FixedStylesTraining) -> dict[str, Tensor]:
    return dict(
        zip(task.table.names, (row.detach().clone() for row in task.table.rows), strict=True)
    )


def test_the_identity_is_learnt_from_photographs_alone(make):
    for share, moved in ((1.0, {IDENTITY}), (0.0, {"a", "bb", "ccc"})):
        task = make("fixed", own_style=share, batch=8)
        before = rows(task)
        task.step(0, 10)
        assert {n for n, row in rows(task).items() if not torch.equal(row, before.get(n))} == moved
    assert list(rows(make("fixed", own_style=0.0))) == ["a", "bb", "ccc"]


def test_a_photographs_own_style_is_its_own(make, crops, encoder):
    task = make("fixed", own_style=1.0)
    contents, _, _ = batch_of(task, crops, 0)
    samples = [task._sample(number, 64) for number in range(2)]
    drawn = task.draw_styles(samples, 64)
    for name in STYLE_LAYERS:
        expected = gram(encoder(contents, [name])[name])
        torch.testing.assert_close(drawn.targets[name]["gram"], expected)
    assert torch.equal(drawn.vectors, rows(task)[IDENTITY].expand(2, -1))


def test_all_styles_are_drawn_each_with_its_own_target(make, styles, encoder):
    task = make("fixed", own_style=0.0)
    with torch.no_grad():
        for number, row in enumerate(task.table.rows):
            row.fill_(number)
    samples = [task._sample(number, 64) for number in range(60)]
    drawn = task.draw_styles(samples, 64)
    chosen = drawn.vectors[:, 0].long().tolist()
    assert all(10 < chosen.count(number) < 30 for number in range(3))
    expected = [gram(encoder(picture, ["relu3_1"])["relu3_1"]) for picture in styles.values()]
    found = drawn.targets["relu3_1"]["gram"]
    torch.testing.assert_close(found, torch.cat([expected[number] for number in chosen]))


def adding(
    crops: Crops, encoder: Encoder, styles: dict[str, Tensor], name: str
) -> FixedStylesTraining:
    """A style is added to a model of two and the identity."""
    model = fixed_styles(name, "wave", "rain", IDENTITY)
    start = {**model.styles, "ccc": vectors(1, model.network.style_size, seed=7)[0]}
    return FixedStylesTraining(
        model.network, encoder, "tiny", crops, {"ccc": styles["ccc"]},
        replace(SETTINGS, own_style=0.0), start=start, frozen=tuple(model.styles),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["paint", "johnson"])
def test_adding_a_style_trains_nothing_but_its_vector(name, crops, encoder, styles, tmp_path):
    before = fixed_styles(name, "wave", "rain", IDENTITY)
    task = adding(crops, encoder, styles, name)
    first = total(task, 50)
    list(run(task, tmp_path, steps=15))
    assert total(task, 50) < first
    model = task.model()
    assert list(model.styles) == ["wave", "rain", IDENTITY, "ccc"]
    assert same(model.network.state_dict(), before.network.state_dict())
    for kept, vector in before.styles.items():
        assert torch.equal(model.styles[kept], vector)
    initial = vectors(1, before.network.style_size, seed=7)[0]
    assert float((model.styles["ccc"] - initial).abs().max()) > 0.001
    state = task.state_dict()
    again = adding(crops, encoder, styles, name)
    again.load_state_dict(state)
    assert same(again.state_dict(), state)


def test_there_must_be_a_style_to_train(crops, encoder, styles):
    net = network("paint")
    with pytest.raises(OptionError, match="There is no style to train"):
        FixedStylesTraining(net, encoder, "tiny", crops, {}, SETTINGS)
    with pytest.raises(OptionError, match="All styles are there already"):
        FixedStylesTraining(net, encoder, "tiny", crops, {"a": styles["a"]}, SETTINGS,
                            start={"a": torch.zeros(net.style_size)}, frozen=["a"])  # fmt: skip


def test_a_new_predictor_is_standardized_by_the_styles(crops, encoder):
    def new(seed: int) -> nn.Module:
        settings = replace(SETTINGS, seed=seed)
        return AnyStyleTraining(network("paint"), encoder, "", crops, crops, settings).predictor

    predictor = new(0)
    assert float(predictor.centre.abs().max()) > 0.1
    assert not torch.equal(predictor.spread, torch.ones_like(predictor.spread))
    assert same(predictor.state_dict(), new(0).state_dict())
    assert not same(predictor.state_dict(), new(1).state_dict())


@pytest.mark.parametrize("kind", KINDS)
def test_in_bfloat16_the_losses_are_nearly_the_same(
    kind: str, crops: Crops, styles: dict[str, Tensor]
) -> None:
    """Networks in bfloat16, sums and differences in float32."""
    architecture = Architecture(
        (4, 6, 8, 8, 8), (1, 1, 1, 1, 1), padding="reflect", readouts=dict.fromkeys(STYLE_LAYERS, 4)
    )
    judge = random_encoder(architecture)
    found = {}
    for name in ("float32", "bfloat16"):
        settings = replace(SETTINGS, precision=name)
        net = network("paint").train().requires_grad_(True)
        if kind == "any":
            reader = any_style("paint", judge).predictor.train().requires_grad_(True)
            task: OnePassTraining = AnyStyleTraining(
                net, judge, "tiny", crops, crops, settings, predictor=reader
            )
        else:
            task = FixedStylesTraining(net, judge, "tiny", crops, styles, settings)
        found[name] = task.step(0, 10)[0]
    assert found["bfloat16"] != found["float32"]
    for name, value in found["float32"].items():
        assert found["bfloat16"][name] == pytest.approx(value, rel=0.04, abs=1e-3), name

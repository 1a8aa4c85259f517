"""The losses of two encoders against their formulas, and trainings with them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from helpers import tiny_networks
from helpers.random_inputs import random_encoder, smooth_picture
from helpers.tiny_networks import ENCODER, any_style, network
from helpers.trainings import same
from impasto import images
from impasto.errors import OptionError
from impasto.images.picture import list_pictures
from impasto.losses.content import content_loss
from impasto.losses.statistics import get_statistic
from impasto.networks.model import IDENTITY
from impasto.training.any_style import AnyStyleTraining
from impasto.training.crops import Crops
from impasto.training.fixed_styles import FixedStylesTraining
from impasto.training.loop import run
from impasto.training.settings import TwoEncoderSettings
from impasto.training.stroke_terms import WeaveTerm
from impasto.training.two_encoders import TwoEncoderLosses

OWN = TwoEncoderSettings(window=48, style_crops=2)
SETTINGS = replace(
    tiny_networks.SETTINGS, batch=2, own_style=0.3, first_crop=48, first_share=0.5, two_encoders=OWN
)


def judges(settings=SETTINGS) -> TwoEncoderLosses:
    fine, deep = random_encoder(ENCODER, seed=1), random_encoder(ENCODER, seed=2)
    return TwoEncoderLosses(fine, deep, settings, torch.device("cpu"))


def relative(statistic: str, ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    """Of features (B, C, H, W), in double precision: |S − S'|² / |S'|², picture by picture."""

    def numbers(x: torch.Tensor) -> torch.Tensor:
        flat = x.flatten(2).double()
        if statistic == "gram":
            return (flat @ flat.mT / flat.shape[2]).flatten(1)
        return torch.cat([flat.mean(2), flat.std(2, correction=0)], 1)

    a, b = numbers(ours), numbers(theirs)
    return (a - b).square().sum(1) / b.square().sum(1)


def test_style_and_content_are_sums_over_views_layers_and_statistics():
    settings = replace(SETTINGS, two_encoders=replace(OWN, window=64))
    made = judges(settings)
    fine, deep = random_encoder(ENCODER, seed=1), random_encoder(ENCODER, seed=2)
    painted, content, style = (smooth_picture(64, 64, seed=seed) for seed in (1, 2, 3))
    losses = made(painted, content, style, made.measure(style), torch.Generator().manual_seed(0))
    expected = torch.zeros((), dtype=torch.float64)
    for encoder, layers, weight, change in (
        (fine, OWN.fine_layers, 1.0, lambda x: x),
        (deep, OWN.deep_layers, 1.0, lambda x: x),
        (fine, OWN.fine_layers, 0.5, lambda x: F.avg_pool2d(x, 2)),
    ):
        ours, theirs = (encoder(change(x), layers) for x in (painted, style))
        for layer in layers:
            for statistic in ("gram", "moments"):
                error = relative(statistic, ours[layer], theirs[layer])
                expected += 0.5 * weight / 5 * error.log1p().mean()
    assert float(losses["style"]) == pytest.approx(float(expected), rel=2e-3)
    kept, found = (deep(x, ["relu4_1"])["relu4_1"] for x in (content, painted))
    assert float(losses["content"]) == pytest.approx(0.25 * float(content_loss(found, kept)))
    assert set(losses) == {
        "style", "content", "tv", "range", "palette", "even", "grid", "lattice"
    }  # fmt: skip


def test_weaves_and_the_share_of_deep_layers_are_weighted():
    painted, content, style = (smooth_picture(128, 128, seed=seed) for seed in (1, 2, 3))

    def losses(**changes: float) -> dict[str, torch.Tensor]:
        made = judges(replace(SETTINGS, two_encoders=replace(OWN, **changes)))
        targets = made.measure(style)
        return made(painted, content, style, targets, torch.Generator().manual_seed(0))

    plain, weaves = losses(), losses(weave_weight=2.0)
    assert weaves.keys() - plain.keys() == {"weave"}
    assert float(weaves["weave"]) == float(WeaveTerm(content, 2.0)({"image": painted})["weave"])
    none, half = (float(losses(deep_weight=weight)["style"]) for weight in (0.0, 0.5))
    assert 0 < none < half == pytest.approx((none + float(plain["style"])) / 2, rel=1e-5)


@pytest.mark.parametrize("margin", [12, 200])
def test_crops_are_judged_with_their_mirror_image_around_them(margin):
    painted, content, style = (smooth_picture(96, 96, seed=seed) for seed in (1, 2, 3))

    def losses(margin: int, painted: torch.Tensor, content: torch.Tensor):
        made = judges(replace(SETTINGS, two_encoders=replace(OWN, margin=margin)))
        targets = made.measure(style)
        return made(painted, content, style, targets, torch.Generator().manual_seed(0))

    around = [min(margin, 95)] * 4
    mirrored = (F.pad(x, around, mode="reflect") for x in (painted, content))
    expected = losses(0, *mirrored)
    found = losses(margin, painted, content)
    assert {name: float(value) for name, value in found.items()} == {
        name: float(value) for name, value in expected.items()
    }
    assert float(found["content"]) != float(losses(0, painted, content)["content"])


def test_the_style_itself_has_no_style_loss():
    made = judges(replace(SETTINGS, two_encoders=replace(OWN, window=64)))
    style = smooth_picture(64, 64, seed=3)
    losses = made(style, style, style, made.measure(style), torch.Generator().manual_seed(0))
    assert float(losses["style"]) < 1e-6
    assert float(losses["content"]) < 1e-9


@pytest.mark.parametrize("rectified", [False, True])
def test_composition_is_judged_before_readouts(rectified):
    readouts = {"relu4_1": 20, "relu5_1": 24}
    shape = replace(ENCODER, readouts=readouts, readouts_rectified=rectified)
    fine, deep = random_encoder(ENCODER, seed=1), random_encoder(shape, seed=2)
    made = TwoEncoderLosses(fine, deep, SETTINGS, torch.device("cpu"))
    style = smooth_picture(64, 64, seed=3)
    targets = made.measure(style)
    trunk = deep.without_readouts()(style, ["relu4_1"])["relu4_1"]
    torch.testing.assert_close(targets["full raw relu4_1"]["mean"], trunk.mean((2, 3)))
    losses = made(style, style, style, targets, torch.Generator().manual_seed(0))
    assert float(losses["content"]) < 1e-9  # judged after them


def test_an_encoder_without_the_layers_is_refused():
    settings = replace(SETTINGS, two_encoders=replace(OWN, fine_layers=("relu9_1",)))
    with pytest.raises(OptionError, match="relu9_1"):
        judges(settings)


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(3):
        images.write(folder / f"{number}.png", smooth_picture(80, 90 + number, seed=number))
    return Crops(list_pictures(folder), 64)


def task(kind: str, crops: Crops, encoder, name: str = "strokes", **changes):
    net = network(name).train().requires_grad_(True)
    settings = replace(SETTINGS, **changes)
    if kind == "fixed":
        styles = {name: smooth_picture(80, 70, seed=9 + len(name)) for name in ("a", "bb")}
        return FixedStylesTraining(
            net, encoder, "tiny", crops, styles, settings, judges=judges(settings)
        )
    reader = any_style(name, encoder).predictor.train().requires_grad_(True)
    return AnyStyleTraining(
        net, encoder, "tiny", crops, crops, settings, predictor=reader, judges=judges(settings)
    )


@pytest.mark.parametrize("kind", ["any", "fixed"])
def test_thirty_steps_lower_the_loss(kind, crops, encoder):
    made = task(kind, crops, encoder)

    def total(index: int) -> float:
        with torch.no_grad():
            return float(sum(made.losses(index, 64).values()))

    before = [total(1000 + index) for index in range(4)]
    for index in range(30):
        losses, _ = made.step(index, 30)
    assert sum(total(1000 + index) for index in range(4)) < 0.85 * sum(before)
    assert {"content", "style", "lattice"} <= set(losses)


@pytest.mark.parametrize(("kind", "crop_count"), [("any", 2), ("any", 0), ("fixed", 2)])
def test_resumption_is_exact(kind, crop_count, crops, encoder, tmp_path):
    own = {"two_encoders": replace(OWN, style_crops=crop_count)}
    whole, first, second = (task(kind, crops, encoder, **own) for _ in range(3))
    list(run(whole, tmp_path / "whole", steps=6))
    steps = run(first, tmp_path / "parts", steps=6)
    assert [next(steps).step for _ in range(3)] == [1, 2, 3]
    steps.close()
    list(run(second, tmp_path / "parts", steps=6))
    assert same(second.state_dict(), whole.state_dict())


def test_palettes_of_fixed_styles_are_measured_and_not_trained(crops, encoder):
    made = task("fixed", crops, encoder, own_style=0.5)
    size = made.network.palette_size
    rows = dict(zip(made.table.names, made.table.rows, strict=True))
    before = {name: row[-size:].clone() for name, row in rows.items()}
    for index in range(4):
        made.step(index, 4)
    for name, row in rows.items():
        assert torch.equal(row[-size:], before[name])
    picture = smooth_picture(80, 70, seed=10)
    torch.testing.assert_close(before["a"][:3], picture.mean((0, 2, 3)))
    assert IDENTITY in made.table.names


def test_an_added_style_has_its_own_palette(crops, encoder):
    net = network("strokes")
    start = {"a": torch.randn(net.style_size), "bb": torch.randn(net.style_size)}
    styles = {name: smooth_picture(80, 70, seed=9 + len(name)) for name in ("a", "bb")}
    made = FixedStylesTraining(
        net, encoder, "tiny", crops, styles, SETTINGS,
        start=start, frozen=("a",), judges=judges(),
    )  # fmt: skip
    rows = dict(zip(made.table.names, made.table.rows, strict=True))
    assert torch.equal(rows["a"], start["a"])
    size = net.palette_size
    assert torch.equal(rows["bb"][:-size], start["bb"][:-size])
    torch.testing.assert_close(rows["bb"][-size:][:3], styles["bb"].mean((0, 2, 3)))


def test_any_network_can_be_trained_so(crops, encoder):
    made = task("any", crops, encoder, name="paint")
    losses, _ = made.step(0, 2)
    assert all(value == value for value in losses.values())


def test_the_statistics_are_known():
    assert all(get_statistic(name).from_moments for name in OWN.statistics)

"""Painter: its stages, checkpoints, and the pictures it paints."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from helpers.quick_paintings import SMALL, STYLE_LAYERS
from helpers.random_inputs import smooth_picture
from impasto import images
from impasto.encoders.vgg import Encoder
from impasto.errors import ImageError, InputDataError, OptionError
from impasto.images.picture import Picture
from impasto.jobs.checkpoints import checkpoint_path, load_checkpoint, save_checkpoint
from impasto.jobs.initial_image import open_initial_image
from impasto.jobs.results import as_row, write_losses
from impasto.losses.content import CONTENT_NORMALIZATIONS
from impasto.losses.statistics import STATISTICS, STYLE_NORMALIZATIONS
from impasto.losses.total_variation import VARIATIONS
from impasto.objective.objective import Objective
from impasto.objective.terms import StyleTerm
from impasto.optim.loop import Step
from impasto.optim.optimizers import OPTIMIZERS
from impasto.painting.painter import Painter
from impasto.recipes.recipe import INITS, Recipe


@pytest.fixture
def make(encoder: Encoder, content: Picture, style: Picture) -> Callable[..., Painter]:
    """A painter of the two pictures, with changes to the recipe."""

    def make(initial_image: Tensor | None = None, **changes: object) -> Painter:
        recipe = SMALL.replace(**changes)
        return Painter(content, [style], recipe, encoder=encoder, initial_image=initial_image)

    return make


def finish(painter: Painter) -> Tensor:
    for _ in painter:
        pass
    assert painter.done
    return painter.image


def walk(painter: Painter, count: int) -> list[Step]:
    """The first steps, and then the loop is left."""
    return list(itertools.islice(painter, count))


# --- the walk ------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_sizes_and_steps(make, optimizer):
    painter = make(optimizer=optimizer)
    assert painter.position == (0, 0)
    assert not painter.done
    steps = list(painter)
    assert [(s.size, s.stage, s.step, s.of) for s in steps] == [
        (size, stage, number, of)
        for stage, (size, of) in enumerate([((32, 48), 6), ((45, 68), 6), ((64, 96), 3)])
        for number in range(1, of + 1)
    ]
    assert {step.stages for step in steps} == {3}
    assert [step.seconds for step in steps] == sorted(step.seconds for step in steps)
    assert all(step.image.min() >= 0 and step.image.max() <= 1 for step in steps)
    assert painter.image.shape == (1, 3, 64, 96)
    assert painter.done
    assert list(painter) == []


def test_each_size_starts_from_the_previous_picture(make):
    painter = make(optimizer="adam", learning_rate=1e-6, detail=0)
    last = {step.stage: step.image.clone() for step in painter}
    for before, after in ((0, 1), (1, 2)):
        enlarged = images.resize(last[before], last[after].shape[-2:])
        torch.testing.assert_close(last[after], enlarged, atol=1e-4, rtol=0)


def test_each_size_adds_detail_of_the_photograph(make, content):
    """With all of them, an untouched painting is the photograph at every size."""
    errors = {}
    for detail in (0.0, 0.5, 1.0):
        painter = make(optimizer="adam", learning_rate=1e-6, detail=detail, average=0)
        image = finish(painter)
        errors[detail] = float((image - content.tensor).square().mean().sqrt())
    assert errors[1.0] < 0.02 * errors[0.0]
    assert errors[0.5] == pytest.approx(errors[0.0] / 2, rel=0.05)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_style_losses_fall(make, optimizer, encoder, content, style):
    steps = list(make(optimizer=optimizer, steps=30, final_steps=15, scales=2, content_weight=0.05))
    term = StyleTerm(encoder(style.tensor, list(STYLE_LAYERS)), statistic=SMALL.style_loss)
    distance = Objective([term], encoder)
    start, painted = (
        sum(distance.gradient(image)[0].values()) for image in (content.tensor, steps[-1].image)
    )
    assert painted < 0.25 * start
    for stage in (0, 1):
        losses = [s.loss for s in steps if s.stage == stage]
        assert losses[-1] < losses[0]


def test_full_size_may_have_no_steps(make):
    painter = make(final_steps=0, detail=0)
    steps = list(painter)
    assert steps[-1].size == (45, 68)
    assert painter.done
    torch.testing.assert_close(painter.image, images.resize(steps[-1].image, (64, 96)))


def test_same_seed_same_pixels(make):
    one, same, other = (finish(make(init="noise", seed=seed)) for seed in (4, 4, 5))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    # And nothing is random where it starts from the content.
    assert torch.equal(finish(make(seed=4)), finish(make(seed=5)))


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_picture_in_its_own_style_does_not_change(encoder, content, statistic):
    """The loss is zero and its gradient mere rounding, from the first step on."""
    recipe = SMALL.replace(style_loss=statistic, scales=1, tv_weight=0)
    painter = Painter(content, [content], recipe.replace(steps=1000), encoder=encoder)
    assert len(list(painter)) < 100
    assert painter.done
    picture = painter.image
    torch.testing.assert_close(picture, content.tensor, atol=0.001, rtol=0)


def test_any_function_is_an_encoder(content, style):
    sizes = []

    def squares(image: Tensor, layers: list[str]) -> dict[str, Tensor]:
        sizes.append(tuple(image.shape[-2:]))
        return {name: torch.cat([image, image.square()], 1) for name in layers}

    recipe = SMALL.replace(style_layers={"colours": 1}, content_layers={"pixels": 1})
    painter = Painter(content, [style], recipe.replace(style_scale=0.5), encoder=squares)
    losses = [step.losses for step in painter]
    assert losses[-1].keys() == {
        "content.pixels", "style.colours", "structure", "pattern", "tv"
    }  # fmt: skip
    # The content, and the style of 80×72 pixels with half the long side of the content.
    assert sizes[:2] == [(32, 48), (24, 22)]


def test_no_size_is_too_small_for_the_deepest_layer(make):
    """relu5_1 has a stride of 16 and needs 32 pixels."""
    painter = make(scales=0, smallest=32, content_layers={"relu5_1": 1})
    assert [min(stage.size) for stage in painter.stages] == [32, 45, 64]
    assert next(iter(painter)).size == (32, 48)


def test_recipes_that_do_not_fit_the_encoder(make, content, encoder):
    with pytest.raises(OptionError, match="no layer relu4_2, which vgg19 has"):
        make(content_layers={"relu4_2": 1})
    assert make(content_layers={"relu4_2": 1}, content_weight=0)
    with pytest.raises(OptionError, match="at least one style picture"):
        Painter(content, [], SMALL, encoder=encoder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("init", value) for value in INITS),
        *(("optimizer", value) for value in OPTIMIZERS),
        *(("style_loss", value) for value in STATISTICS),
        *(("tv", value) for value in VARIATIONS),
        *(("normalization", value) for value in STYLE_NORMALIZATIONS),
        *(("content_normalization", value) for value in CONTENT_NORMALIZATIONS),
        ("average", 0.0),
        ("style_scale", 0.5),
        ("style_weight", 0.0),
        ("content_weight", 0.0),
        ("structure_weight", 0.0),
        ("pattern_weight", 0.0),
        ("tv_weight", 0.0),
    ],
)
def test_every_choice_runs(make, name, value):
    steps = list(make(scales=1, steps=4, **{name: value}))
    assert steps[-1].image.isfinite().all()
    assert steps[-1].loss < steps[0].loss
    kinds = {term.partition(".")[0] for term in steps[0].losses}
    off = {name.removesuffix("_weight")} if value == 0.0 else set()
    if off == {"content"}:
        off |= {"structure"}  # its weight is times that of content
    assert kinds == {"content", "style", "structure", "pattern", "tv"} - off


# --- where it starts -----------------------------------------------------------------------------


def test_initial_images(make, content, tmp_path):
    small = images.resize(content.tensor, (32, 48))
    noise = make(init="noise", seed=3).image
    assert torch.equal(make(init="content").image, small)
    assert noise.shape == small.shape
    assert abs(noise.mean() - 0.5) < 0.05
    assert abs(noise.std() - 12**-0.5) < 0.02
    blend = make(init="noisy-content", noise=0.25, seed=3).image
    torch.testing.assert_close(blend, 0.75 * small + 0.25 * noise)
    path = images.write(tmp_path / "grey.png", torch.full((1, 3, 50, 20), 0.6))
    grey = open_initial_image(Recipe(init=str(path)))
    torch.testing.assert_close(
        make(init=str(path), initial_image=grey).image, torch.full_like(small, 0.6)
    )
    with pytest.raises(ImageError, match=r"There is no file nowhere\.png"):
        open_initial_image(Recipe(init="nowhere.png"))
    with pytest.raises(OptionError, match=r"starts from 'nowhere\.png'"):
        make(init="nowhere.png")


# --- several styles ------------------------------------------------------------------------------


@pytest.fixture
def mixed(encoder: Encoder, content: Picture, style: Picture, other_style: Picture):
    def mixed(*shares: float) -> Tensor:
        recipe = SMALL.replace(scales=1, steps=10, optimizer="adam")
        painter = Painter(content, [style, other_style], recipe, shares=shares, encoder=encoder)
        return finish(painter)

    return mixed


def test_shares_interpolate_between_styles(make, mixed):
    alone = finish(make(scales=1, steps=10, optimizer="adam"))
    distances = [float((mixed(a, 1 - a) - alone).abs().mean()) for a in (1, 0.999, 0.7, 0.3, 0)]
    assert distances == sorted(distances)
    assert distances[0] < 1e-6
    assert distances[1] < 0.3 * distances[-1]
    assert distances[-1] > 0.01


def test_shares_are_relative_and_equal_by_default(encoder, content, style, other_style, mixed):
    recipe = SMALL.replace(scales=1, steps=10, optimizer="adam")
    default = finish(Painter(content, [style, other_style], recipe, encoder=encoder))
    assert torch.equal(mixed(2, 2), default)
    assert torch.equal(mixed(0.5, 0.5), default)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ((1, -1), "A mixture of 2 styles needs 2 weights"),
        ((0, 0), "A mixture of 2 styles needs 2 weights"),
        ((float("nan"), 1), "A mixture of 2 styles needs 2 weights"),
        ((1,), "2 styles need as many weights, not 1"),
        ((1, 2, 3), "2 styles need as many weights, not 3"),
    ],
)
def test_invalid_shares(mixed, shares, message):
    with pytest.raises(OptionError, match=message):
        mixed(*shares)


# --- interruption --------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("count", [0, 1, 4, 6, 7, 10, 12, 13])
def test_resumed_painting_is_identical(make, tmp_path, optimizer, count):
    """6 and 10 are the last steps of their sizes, 13 is the last of all."""
    changes = {"optimizer": optimizer, "init": "noise"}
    whole = make(**changes)
    history = [step.losses for step in whole]
    first = make(**changes)
    rows = [as_row(step) for step in walk(first, count)]
    path = checkpoint_path(tmp_path / "out.png")
    save_checkpoint(path, first, rows)
    second = make(**changes)
    assert load_checkpoint(path, second) == rows
    assert second.position == first.position
    assert torch.equal(second.image, first.image)
    assert [step.losses for step in second] == history[count:]
    assert torch.equal(second.image, whole.image)
    # And the loop that was left can be entered again in the same process.
    assert torch.equal(finish(first), whole.image)


def test_resumed_with_more_memory_the_tiles_are_the_same(tmp_path, encoder, style):
    """Else sums would be rounded in another way."""
    size, content = (300, 400), Picture(smooth_picture(300, 400, seed=1))
    recipe = SMALL.replace(size=400, scales=1, steps=4, final_steps=4)

    def painter(memory):
        return Painter(content, [style], recipe, encoder=encoder, memory=memory)

    roomy = painter(1e12)
    assert roomy.objective_builder.side(size) is None
    tight = roomy.objective_builder.peak_bytes(size) - 1e6
    whole, first, second = painter(tight), painter(tight), painter(1e12)
    assert whole.objective_builder.side(size) == 128
    walk(first, 2)
    save_checkpoint(tmp_path / "a.checkpoint", first, [])
    load_checkpoint(tmp_path / "a.checkpoint", second)
    assert second.objective_builder.side(size) == 128
    assert torch.equal(finish(second), finish(whole))
    # With less, there is no choice.
    walk(roomy, 2)
    save_checkpoint(tmp_path / "b.checkpoint", roomy, [])
    third = painter(tight)
    load_checkpoint(tmp_path / "b.checkpoint", third)
    assert third.objective_builder.side(size) == 128


def test_checkpoint_of_another_painting_is_an_error(
    make, tmp_path, encoder, content, style, other_style
):
    path = tmp_path / "out.png.checkpoint"
    painter = make()
    walk(painter, 2)
    save_checkpoint(path, painter, [])
    altered = Picture(content.tensor * 0.999)
    others = [
        make(steps=7),
        Painter(altered, [style], SMALL, encoder=encoder),
        Painter(content, [other_style], SMALL, encoder=encoder),
        Painter(content, [style, style], SMALL, encoder=encoder),
        Painter(content, [style], SMALL, encoder=encoder, shares=[2.0]),
    ]
    for other in others:
        with pytest.raises(InputDataError, match="belongs to another painting"):
            load_checkpoint(path, other)
        assert other.position == (0, 0)
    assert len({other.fingerprint() for other in others}) == len(others)


def test_invalid_checkpoints(make, tmp_path):
    path = tmp_path / "x.checkpoint"
    with pytest.raises(InputDataError, match=r"no checkpoint .*: start without resume"):
        load_checkpoint(path, make())
    painter = make()
    walk(painter, 2)
    save_checkpoint(path, painter, [])
    whole = path.read_bytes()
    state = painter.state_dict()
    broken = rf"^The checkpoint {path} is broken, or .*: delete it and start without resume\.$"
    for content in (b"", b"not a checkpoint", whole[: len(whole) // 2], whole[:-1]):
        path.write_bytes(content)
        with pytest.raises(InputDataError, match=broken):
            load_checkpoint(path, make())
    for saved in ([1, 2], {"losses": []}, {"painter": {}, "losses": []},
                  {"painter": state | {"optimizer": {}}, "losses": []}):  # fmt: skip
        torch.save(saved, path)
        with pytest.raises(InputDataError, match=broken):
            load_checkpoint(path, make())


# --- history -------------------------------------------------------------------------------------


def test_history(make, tmp_path):
    steps = list(make())
    rows = [as_row(step) for step in steps]
    assert [(r["stage"], r["step"]) for r in rows] == [(s.stage + 1, s.step) for s in steps]
    terms = ["content.relu4_1", "style.relu1_1", "style.relu2_1", "style.relu3_1"]
    terms += ["structure", "pattern", "tv"]
    columns = ["stage", "step", "height", "width", "seconds", "loss", *terms]
    assert all(list(r) == columns for r in rows)
    assert all(r["loss"] == pytest.approx(sum(r[term] for term in terms)) for r in rows)
    write_losses(tmp_path / "losses.csv", rows)
    with (tmp_path / "losses.csv").open(newline="") as file:
        read = [{k: float(v) for k, v in entry.items()} for entry in csv.DictReader(file)]
    assert read == rows

"""Training: pictures in, weights out, and after an interruption the same weights to the bit."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from helpers.random_inputs import random_encoder, smooth_picture
from helpers.trainings import SETTINGS, log_of, same
from impasto import images
from impasto.encoders.files import load_encoder, save_encoder
from impasto.encoders.vgg import Architecture, Encoder
from impasto.errors import InputDataError, OptionError
from impasto.images.picture import list_pictures
from impasto.training.crops import Crops, is_held_out, step_generator
from impasto.training.distillation import Distillation, DistillSettings
from impasto.training.image_pool import STYLE_LAYERS
from impasto.training.loop import CHECKPOINT, LOG, MovingAverage, TrainStep, cosine_rate, run
from impasto.training.muon import Muon, orthogonal


@pytest.fixture(scope="module")
def teacher() -> Encoder:
    return random_encoder(Architecture((8, 12, 16, 16, 16), (2, 2, 4, 4, 1)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures in nested folders, and two files that are none."""
    folder = tmp_path_factory.mktemp("pictures")
    for number, name in enumerate(("a.png", "b.JPG", "deep/c.webp")):
        images.write(folder / name, smooth_picture(90, 100 + number, seed=number))
    (folder / "broken.jpg").write_bytes((folder / "b.JPG").read_bytes()[:200])
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def crops(folder: Path) -> Crops:
    return Crops(list_pictures(folder), SETTINGS.crop)


@pytest.fixture
def task(teacher: Encoder, crops: Crops):
    def task(**changes: Any) -> Distillation:
        return Distillation(teacher, crops, crops, DistillSettings(**vars(SETTINGS) | changes))

    return task


# --- pictures ------------------------------------------------------------------------------------


def test_lists_pictures_below_a_folder(folder):
    names = [path.relative_to(folder).as_posix() for path in list_pictures(folder)]
    assert names == ["a.png", "b.JPG", "broken.jpg", "deep/c.webp", "empty.png"]


def test_broken_pictures_are_skipped_and_counted(crops):
    assert len(crops) == 3
    assert [path.name for path in crops.skipped] == ["broken.jpg", "empty.png"]


def test_folders_without_pictures(tmp_path, folder):
    with pytest.raises(InputDataError, match=r"holds no pictures \(.*\.png"):
        list_pictures(tmp_path)
    with pytest.raises(InputDataError, match=r"There is no folder .*absent: name a folder"):
        list_pictures(tmp_path / "absent")
    with pytest.raises(InputDataError, match="None of the 1 pictures can be read"):
        Crops([folder / "broken.jpg"], 64)


def test_crops_are_parts_of_the_pictures(tmp_path):
    """Of a picture whose channels tell the place, every crop is a straight or mirrored part."""
    down, right = torch.meshgrid(
        torch.linspace(0, 1, 120), torch.linspace(0, 1, 150), indexing="ij"
    )
    path = images.write(tmp_path / "map.png", torch.stack([down, right, 0 * down])[None])
    batch = Crops([path], 48).draw(40, step_generator(0, 0))
    assert batch.shape == (40, 3, 48, 48)
    assert 0 <= batch.min() <= batch.max() <= 1
    slopes_down = (batch[:, 0, 40] - batch[:, 0, 8]).mean(-1) * 119 / 32
    slopes_right = (batch[:, 1, :, 40] - batch[:, 1, :, 8]).mean(-1) * 149 / 32
    # A crop is reduced by one to two, and mirrored or not.
    assert slopes_down.min() > 0.9
    assert slopes_down.max() < 2.1
    torch.testing.assert_close(slopes_right.abs(), slopes_down, atol=0.1, rtol=0)
    assert 5 < (slopes_right < 0).sum() < 35
    assert slopes_down.std() > 0.1


def test_small_pictures_are_enlarged_to_the_crop(tmp_path):
    path = images.write(tmp_path / "small.png", smooth_picture(20, 31, seed=0))
    assert Crops([path], 64).draw(2, step_generator(0, 0)).shape == (2, 3, 64, 64)


def test_an_eighth_is_held_back_by_name():
    names = [Path(f"folder/{number}.jpg") for number in range(4000)]
    share = sum(map(is_held_out, names)) / len(names)
    assert abs(share - 1 / 8) < 0.02
    assert abs(sum(is_held_out(name, 3) for name in names) / len(names) - 3 / 8) < 0.03
    assert all(is_held_out(name, 3) for name in names if is_held_out(name))
    assert all(is_held_out(Path("elsewhere") / name.name) == is_held_out(name) for name in names)
    # Fixed for ever: the published numbers stand on this part.
    assert [n for n in range(40) if is_held_out(Path(f"{n}.jpg"))] == [26, 34, 36, 38]


def test_random_numbers_depend_on_seed_and_step_alone():
    def draw(seed: int, step: int) -> float:
        torch.manual_seed(7)
        return float(torch.rand((), dtype=torch.float64, generator=step_generator(seed, step)))

    numbers = [draw(seed, step) for seed in range(5) for step in range(-1, 20)]
    assert len(set(numbers)) == 5 * 21
    torch.rand(3)
    assert draw(3, 4) == draw(3, 4)
    assert draw(1, 11) != draw(11, 1)


# --- Muon, rates, averages -----------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(16, 64), (64, 16), (8, 27), (32, 288), (1, 9), (5, 1)])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_orthogonal(shape, scale):
    matrix = scale * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    result = orthogonal(matrix)
    values = torch.linalg.svdvals(result)
    assert values.min() > 0.5
    assert values.max() < 1.5
    # The singular vectors stay: between them the result is diagonal, and positive.
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    between = left.T @ result @ right.T
    torch.testing.assert_close(between, between.diag().diag(), atol=1e-3, rtol=0)
    assert between.diag().min() > 0.5


def test_orthogonal_of_nothing_is_nothing():
    assert torch.equal(orthogonal(torch.zeros(4, 6)), torch.zeros(4, 6))


def test_muon_solves_least_squares_with_unequal_directions():
    """Inputs whose energies differ 400-fold: the weak directions are learnt too."""
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(200, 12, generator=random) * torch.logspace(0, -1.3, 12)
    exact = torch.randn(5, 12, generator=random)
    weight = nn.Parameter(torch.zeros(5, 12, 1, 1))
    muon = Muon([weight], lr=0.1)
    losses = []
    for index in range(300):
        error = inputs @ (weight.flatten(1) - exact).T
        losses.append(float(error.detach().square().mean()))
        (weight.grad,) = torch.autograd.grad(error.square().mean(), weight)
        muon.param_groups[0]["lr"] = cosine_rate(0.1, index, 300, warmup=1)
        muon.step()
    assert losses[-1] < 1e-4 * losses[0]
    assert (weight.flatten(1) - exact).abs().max() < 0.1


def test_muon_leaves_alone_what_has_no_gradient():
    weight = nn.Parameter(torch.ones(3, 4))
    Muon([weight], lr=0.1).step()
    assert torch.equal(weight, torch.ones(3, 4))


def test_first_update_of_muon_by_hand():
    """(1 + 0.95)·0.05 and so on are but a scale, which the orthogonal matrix has not."""
    gradient = torch.randn(4, 9, generator=torch.Generator().manual_seed(1))
    for shape, factor in (((4, 9), 1.0), ((9, 4), 1.5)):
        weight = nn.Parameter(torch.zeros(shape))
        weight.grad = gradient.view(shape).clone()
        Muon([weight], lr=0.1).step()
        expected = -0.1 * factor * orthogonal(gradient.view(shape))
        torch.testing.assert_close(weight.detach(), expected, atol=1e-5, rtol=0)


def test_cosine_rate():
    assert cosine_rate(2.0, 0, 1000) == pytest.approx(0.02)
    assert cosine_rate(2.0, 99, 1000) == cosine_rate(2.0, 100, 1000) == pytest.approx(2.0)
    assert cosine_rate(2.0, 550, 1000) == pytest.approx(2.0 * (0.01 + 0.99 / 2))
    assert cosine_rate(2.0, 1000, 1000) == pytest.approx(0.02)
    assert cosine_rate(2.0, 5000, 1000) == pytest.approx(0.02)
    rates = [cosine_rate(1.0, index, 1000) for index in range(1000)]
    assert rates[:100] == sorted(rates[:100])
    assert rates[100:] == sorted(rates[100:], reverse=True)
    assert cosine_rate(1.0, 5, 3, warmup=2) == pytest.approx(0.01)


def test_average_in_closed_form():
    module = nn.Linear(3, 2)
    average, decay, seen = MovingAverage(module, 0.9), 0.9, []
    for step in range(1, 8):
        nn.init.constant_(module.weight, step**2)
        nn.init.normal_(module.bias)
        average.update()
        seen.append({key: value.clone() for key, value in module.state_dict().items()})
        shares = [(1 - decay) * decay ** (step - k) / (1 - decay**step) for k in range(1, step + 1)]
        assert math.isclose(sum(shares), 1)
        for key, value in average.weights().items():
            exact = sum(share * weights[key] for share, weights in zip(shares, seen, strict=True))
            torch.testing.assert_close(value, exact)
    other = MovingAverage(nn.Linear(3, 2), 0.9)
    other.load_state_dict(average.state_dict())
    assert same(other.weights(), average.weights())
    average.update()
    assert not same(other.weights(), average.weights())


# --- runs ----------------------------------------------------------------------------------------


class Counter:
    """A task whose state is the sum of the numbers of its steps."""

    def __init__(self, fails_at: int = -1) -> None:
        self.sum = 0
        self.fails_at = fails_at

    def step(self, index: int, of: int) -> tuple[dict[str, float], float]:
        self.sum += index
        if index == self.fails_at:
            raise RuntimeError("in the middle of a step")
        return {"sum": float(self.sum)}, 0.5

    def state_dict(self) -> dict[str, Any]:
        return {"sum": self.sum}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sum = state["sum"]


def test_a_run(tmp_path):
    steps = list(run(Counter(), tmp_path / "new" / "run", steps=4))
    assert [(s.step, s.of, s.losses["sum"], s.learning_rate) for s in steps] == [
        (1, 4, 0, 0.5), (2, 4, 1, 0.5), (3, 4, 3, 0.5), (4, 4, 6, 0.5)
    ]  # fmt: skip
    assert isinstance(steps[0], TrainStep)
    rows = [["1", "0.5", "0"], ["2", "0.5", "1"], ["3", "0.5", "3"], ["4", "0.5", "6"]]
    assert log_of(tmp_path / "new" / "run") == [["step", "learning_rate", "sum"], *rows]
    assert list(run(Counter(), tmp_path / "new" / "run", steps=4)) == []


def test_a_failed_step_leaves_the_last_checkpoint(tmp_path):
    task = Counter(fails_at=5)
    with pytest.raises(RuntimeError, match="in the middle"):
        list(run(task, tmp_path, steps=9, checkpoint_every=3))
    assert len(log_of(tmp_path)) == 6
    again = Counter()
    steps = list(run(again, tmp_path, steps=9))
    # Steps 4 and 5 are made anew, and stand in the log once.
    assert [step.step for step in steps] == [4, 5, 6, 7, 8, 9]
    assert again.sum == sum(range(9))
    assert [row[0] for row in log_of(tmp_path)[1:]] == [str(n) for n in range(1, 10)]


TOLD = {"batch": 4, "layers": {"relu4_1": 0.25}, "crops": (1, 2), "norm": math.inf}


def test_the_same_settings_go_on(tmp_path):
    list(run(Counter(), tmp_path, steps=1, settings=TOLD))
    assert len(list(run(Counter(), tmp_path, steps=3, settings=dict(TOLD)))) == 2


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"batch": 2}, "made with batch 4, not 2: give the options"),
        ({"layers": {"relu4_1": 0.5}}, r"made with layers relu4_1=0\.25, not relu4_1=0\.5: give"),
        ({"norm": 1.0}, "made with norm inf, not 1: give"),
        ({"even_weight": 3.0}, "an earlier Impasto, which did not note its even weight: go on"),
    ],
)
def test_other_settings_are_refused(tmp_path, change, sentence):
    list(run(Counter(), tmp_path, steps=1, settings=TOLD))
    kept = (tmp_path / CHECKPOINT).read_bytes()
    with pytest.raises(InputDataError, match=sentence):
        list(run(Counter(), tmp_path, steps=3, settings=TOLD | change))
    assert (tmp_path / CHECKPOINT).read_bytes() == kept


@pytest.mark.parametrize("log", [b"", b"step,learning_rate,seconds,sum\r\n"])
def test_a_log_cut_short_is_gone_on_with(tmp_path, log):
    list(run(Counter(), tmp_path, steps=1))
    (tmp_path / LOG).write_bytes(log)
    list(run(Counter(), tmp_path, steps=3))
    assert [row[0] for row in log_of(tmp_path)] == ["step", "2", "3"]


def test_checkpoints_that_do_not_fit(tmp_path, task):
    list(run(Counter(), tmp_path, steps=1))
    for content in (b"", b"none", (tmp_path / CHECKPOINT).read_bytes()[:-30]):
        (tmp_path / CHECKPOINT).write_bytes(content)
        with pytest.raises(InputDataError, match=r"checkpoint\.pt is broken, or was made with"):
            list(run(Counter(), tmp_path, steps=2))
    (tmp_path / CHECKPOINT).unlink()
    list(run(task(), tmp_path, steps=1))
    with pytest.raises(InputDataError, match=r"give the options it was made with"):
        list(run(task(pool=5), tmp_path, steps=2))


# --- distillation --------------------------------------------------------------------------------


def test_distillation_learns(task, tmp_path):
    steps = list(run(task(learning_rate=0.15, bias_rate=0.02, seed=1), tmp_path, steps=25))
    for name in ("features", "gram", "hints"):
        losses = [step.losses[name] for step in steps]
        # Medians: a batch that is one flat colour has a relative error of any size.
        assert statistics.median(losses[-5:]) < 0.9 * statistics.median(losses[:5])


@pytest.fixture
def twin(crops):
    """Teacher and student of the same widths: each layer can be taught by itself."""
    teacher = random_encoder(Architecture((6, 10, 14, 14, 14), (2, 2, 4, 4, 1)))

    def twin(**changes: Any) -> Distillation:
        return Distillation(teacher, crops, crops, DistillSettings(**vars(SETTINGS) | changes))

    return twin


def test_layers_taught_by_themselves_make_a_whole(twin, tmp_path):
    """Every convolution is a linear regression: alone or not, the losses fall by far more."""
    for alone, share in ((1.0, 0.5), (0.5, 0.8)):
        work = twin(learning_rate=0.05, alone=alone, seed=1)
        steps = list(run(work, tmp_path / str(alone), steps=60))
        hints = [step.losses["hints"] for step in steps]
        assert statistics.median(hints[-5:]) < share * statistics.median(hints[:5])
    assert steps[-1].losses["gram"] > 0
    assert steps[0].losses["gram"] == 0  # whole features are not compared while layers are alone


@pytest.mark.parametrize("kind", ["task", "twin"])
def test_distillation_goes_on_to_the_bit(kind, request, tmp_path):
    task = request.getfixturevalue(kind)
    whole, first, second = task(), task(), task()
    list(run(whole, tmp_path / "whole", steps=6))
    generator = run(first, tmp_path / "parts", steps=6)
    assert [next(generator).step for _ in range(3)] == [1, 2, 3]
    generator.close()
    assert [step.step for step in run(second, tmp_path / "parts", steps=6)] == [4, 5, 6]
    assert not same(first.state_dict(), whole.state_dict())
    assert same(second.state_dict(), whole.state_dict())
    assert same(second.encoder().state_dict(), whole.encoder().state_dict())
    assert log_of(tmp_path / "parts") == log_of(tmp_path / "whole")


def test_seeds_differ(task):
    assert same(task().state_dict(), task().state_dict())
    assert not same(task().state_dict(), task(seed=1).state_dict())


def test_the_distilled_encoder_is_a_file_like_any_other(task, tmp_path):
    work = task()
    list(run(work, tmp_path, steps=2))
    encoder = work.encoder()
    save_encoder(tmp_path / "small.safetensors", encoder, dtype=torch.float32)
    loaded = load_encoder(tmp_path / "small.safetensors")
    assert loaded.architecture == encoder.architecture
    picture = smooth_picture(64, 64, seed=5)
    for name, feature in encoder(picture, STYLE_LAYERS).items():
        torch.testing.assert_close(loaded(picture, [name])[name], feature, atol=1e-4, rtol=1e-4)
        assert feature.shape[1] == SETTINGS.widths[int(name[4]) - 1]
    assert not any(parameter.requires_grad for parameter in encoder.parameters())


def test_teachers_need_the_layers(crops):
    shallow = random_encoder(Architecture((4, 6), (1, 1)))
    with pytest.raises(OptionError, match="This encoder has no layer relu"):
        Distillation(shallow, crops, crops, SETTINGS)

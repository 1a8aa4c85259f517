"""Distillation that goes on from a student of the same teacher, or learns from a second one."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from helpers.random_inputs import random_encoder, smooth_picture
from helpers.trainings import SETTINGS
from impasto import images
from impasto.encoders.vgg import Architecture, Encoder
from impasto.errors import OptionError
from impasto.images.picture import list_pictures
from impasto.training.crops import Crops
from impasto.training.distillation import Distillation, DistillSettings
from impasto.training.image_pool import STYLE_LAYERS
from impasto.training.loop import run

TEACHER = Architecture((6, 10, 14, 14, 14), (2, 2, 4, 4, 1), padding="reflect")


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Crops:
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(3):
        images.write(folder / f"{number}.png", smooth_picture(90, 100, seed=number))
    return Crops(list_pictures(folder), SETTINGS.crop)


def distillation(
    crops: Crops, start: Encoder | None = None, fine: Encoder | None = None, **changes: Any
) -> Distillation:
    settings = DistillSettings(**vars(SETTINGS) | changes)
    return Distillation(random_encoder(TEACHER), crops, crops, settings, start=start, fine=fine)


def test_a_student_goes_on_where_it_stood(crops, tmp_path):
    """As a whole from the first step, with what its readouts have learnt."""
    first = distillation(crops, learning_rate=0.05, bias_rate=0.02, alone=0.8, seed=1)
    taught = [step.losses for step in run(first, tmp_path / "first", steps=80)]
    student = first.encoder()
    # Of another seed, so that the axes are found by other pictures than those of the first.
    second = distillation(crops, start=student, learning_rate=1e-4, bias_rate=1e-4, seed=5)
    steps = [step.losses for step in run(second, tmp_path / "second", steps=5)]
    assert steps[0]["gram"] > 0
    untaught = distillation(crops, alone=0.0, seed=5)
    fresh = [step.losses for step in run(untaught, tmp_path / "third", steps=5)]
    for name in ("features", "hints"):
        assert max(step[name] for step in steps) < 0.9 * min(step[name] for step in fresh)
        assert steps[0][name] < 1.5 * taught[-1][name]
    picture = smooth_picture(64, 64, seed=3)
    now = second.encoder()(picture, STYLE_LAYERS)
    for name, feature in student(picture, STYLE_LAYERS).items():
        assert 0 < (now[name] - feature).abs().max() < 0.05 * feature.abs().max()


def test_axes_are_turned_to_the_readouts(crops):
    """A student that is the teacher itself, seen along its own channels, keeps them."""
    teacher = random_encoder(TEACHER)
    readouts = dict(zip(STYLE_LAYERS, TEACHER.widths, strict=True))
    student = Encoder(
        Architecture(TEACHER.widths, TEACHER.depths, padding="reflect", readouts=readouts)
    )
    student.convolutions.load_state_dict(teacher.convolutions.state_dict())
    for name, width in readouts.items():
        random = torch.randn(width, width, generator=torch.Generator().manual_seed(width))
        student.readouts[name].weight.data = torch.linalg.qr(random)[0][:, :, None, None]
        student.readouts[name].bias.data.zero_()
    work = distillation(crops, start=student.frozen())
    picture = smooth_picture(64, 64, seed=4)
    own, bare = student(picture, STYLE_LAYERS), teacher(picture, STYLE_LAYERS)
    for name, axes in work.state_dict()["axes"].items():
        torch.testing.assert_close(axes.T @ axes, torch.eye(len(axes)), atol=1e-5, rtol=0)
        expected = torch.einsum("ca,bchw->bahw", axes, bare[name])
        torch.testing.assert_close(own[name], expected, atol=1e-3, rtol=0)


def test_a_start_of_another_shape_is_refused(crops):
    other = random_encoder(Architecture((6, 10, 14, 14, 12), (2, 2, 4, 4, 1)))
    with pytest.raises(OptionError, match="is no student of these settings"):
        distillation(crops, start=other)


FINE = Architecture((9, 12, 16), (2, 2, 1), padding="reflect")


def unexplained(student: Encoder, teacher: Encoder, layer: str) -> float:
    """Share of the teacher's features that is no linear map of the student's."""
    picture = smooth_picture(128, 160, seed=9)
    ours, theirs = (x(picture, [layer])[layer][0].flatten(1).T.double() for x in (student, teacher))
    found = ours @ torch.linalg.lstsq(ours, theirs).solution
    return float((theirs - found).square().sum() / theirs.square().sum())


@pytest.mark.slow
def test_the_first_layers_learn_from_a_second_teacher(crops, tmp_path):
    """The deep ones learn from the teacher."""
    teachers = {"relu3_1": random_encoder(FINE, seed=3), "relu5_1": random_encoder(TEACHER)}
    task = distillation(
        crops, fine=teachers["relu3_1"], learning_rate=0.05, bias_rate=0.02, alone=0.0, seed=1
    )
    before = {layer: unexplained(task.encoder(), x, layer) for layer, x in teachers.items()}
    list(run(task, tmp_path, steps=60))
    for layer, teacher in teachers.items():
        assert unexplained(task.encoder(), teacher, layer) < 0.9 * before[layer]


def test_what_the_second_teacher_has_is_no_hint_of_the_first(crops):
    hints = distillation(crops, fine=random_encoder(FINE, seed=3)).hints
    assert not {"conv1_2", "conv2_2", "conv3_1"} & set(hints)
    assert "conv3_2" in hints
    assert {"conv1_2", "conv2_2", "conv3_1"} <= set(distillation(crops).hints)


def test_layers_are_not_trained_alone_for_a_second_teacher(crops):
    """Their inputs would be the first teacher's."""
    task = distillation(crops, fine=random_encoder(FINE, seed=3), alone=1.0)
    assert task.step(0, 10)[0]["gram"] > 0


def test_a_second_teacher_that_cannot_teach_is_refused(crops):
    with pytest.raises(OptionError, match="where the student has"):
        distillation(crops, fine=random_encoder(Architecture((2, 4), (1, 1), padding="reflect")))

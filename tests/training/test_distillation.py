"""Distilling an encoder: it learns, resumes, and is a file like any other."""

from __future__ import annotations

import statistics
from typing import Any

import pytest
import torch

from helpers.random_inputs import random_encoder, smooth_picture
from helpers.trainings import SETTINGS, log_of, same
from impasto.encoders.files import load_encoder, save_encoder
from impasto.encoders.vgg import Architecture
from impasto.errors import OptionError
from impasto.training.distillation import Distillation, DistillSettings
from impasto.training.image_pool import STYLE_LAYERS
from impasto.training.loop import run


def test_distillation_learns(task, tmp_path):
    steps = list(run(task(learning_rate=0.15, bias_rate=0.02, seed=1), tmp_path, steps=25))
    for name in ("features", "gram", "hints"):
        losses = [step.losses[name] for step in steps]
        # Medians: a batch that is one flat colour has a relative error of any size.
        assert statistics.median(losses[-5:]) < 0.9 * statistics.median(losses[:5])


@pytest.fixture
def twin(crops):
    """Teacher and student of the same widths, so that layers can be trained alone."""
    teacher = random_encoder(Architecture((6, 10, 14, 14, 14), (2, 2, 4, 4, 1)))

    def twin(**changes: Any) -> Distillation:
        return Distillation(teacher, crops, crops, DistillSettings(**vars(SETTINGS) | changes))

    return twin


def test_layers_trained_alone_make_a_whole(twin, tmp_path):
    """Every convolution is a linear regression: alone or not, the losses fall by far more."""
    for alone, share in ((1.0, 0.5), (0.5, 0.8)):
        work = twin(learning_rate=0.05, alone=alone, seed=1)
        steps = list(run(work, tmp_path / str(alone), steps=60))
        hints = [step.losses["hints"] for step in steps]
        assert statistics.median(hints[-5:]) < share * statistics.median(hints[:5])
    assert steps[-1].losses["gram"] > 0
    assert steps[0].losses["gram"] == 0  # whole features are not compared while layers are alone


@pytest.mark.parametrize("kind", ["task", "twin"])
def test_resumption_is_exact(kind, request, tmp_path):
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

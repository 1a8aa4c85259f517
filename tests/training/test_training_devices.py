"""Training on another device: the one that needs no hardware, which computes shapes alone.

There every tensor must have been brought, and nothing can be brought back: a number asked for, or a
tensor left on the processor, is an error.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from helpers import tiny_networks
from helpers.random_inputs import random_encoder, smooth_picture
from helpers.tiny_networks import any_style, network
from helpers.trainings import SETTINGS as DISTIL
from impasto import images
from impasto.cli.main import run
from impasto.encoders.vgg import Architecture, Encoder
from impasto.errors import OptionError
from impasto.images.picture import list_pictures
from impasto.training import network as network_training
from impasto.training.any_style import AnyStyleTraining
from impasto.training.crops import Crops
from impasto.training.distillation import Distillation
from impasto.training.distributed import Workers, launched_workers
from impasto.training.fixed_styles import FixedStylesTraining

META = torch.device("meta")
# The palette's distance asks whether a factorisation failed: a number.
SETTINGS = replace(tiny_networks.SETTINGS, batch=2, palette_weight=0.0)


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Crops:
    folder = tmp_path_factory.mktemp("pictures")
    images.write(folder / "a.png", smooth_picture(80, 90, seed=1))
    return Crops(list_pictures(folder), 64)


def check_losses(task: network_training.OnePassTraining) -> None:
    losses = task.losses(3, 64)
    assert {"content", "style", "tv", "even", "grid"} <= set(losses)
    torch.stack(list(losses.values())).sum().backward()
    gradients = [p.grad for p in task.network.parameters() if p.grad is not None]
    assert len(gradients) > 5
    for tensor in (*losses.values(), *gradients):
        assert tensor.device == META


def test_any_style(crops: Crops, encoder: Encoder) -> None:
    net = network("paint").train().requires_grad_(True)
    reader = any_style("paint", encoder).predictor.train().requires_grad_(True)
    task = AnyStyleTraining(
        net, encoder, "tiny", crops, crops, SETTINGS, predictor=reader, workers=Workers(META)
    )
    check_losses(task)
    assert encoder.mean.device.type == "cpu"  # somebody else's is left where it is


def test_fixed_styles(crops: Crops, encoder: Encoder) -> None:
    net = network("paint").train().requires_grad_(True)
    styles = {"a": smooth_picture(80, 70, seed=1), "b": smooth_picture(70, 80, seed=2)}
    check_losses(
        FixedStylesTraining(net, encoder, "tiny", crops, styles, SETTINGS, workers=Workers(META))
    )


@pytest.mark.parametrize("alone", [True, False])
def test_encoders(alone: bool, crops: Crops, monkeypatch: pytest.MonkeyPatch) -> None:
    # Layers are trained alone for equal widths, else through projections.
    widths = DISTIL.widths if alone else (8, 12, 16, 16, 16)
    teacher = random_encoder(Architecture(widths, (2, 2, 4, 4, 1)))
    task = Distillation(teacher, crops, crops, DISTIL)
    # The teacher is measured on the CPU, as after a checkpoint; then all is moved.
    state = task.state_dict()
    monkeypatch.setattr(Distillation, "_measure_teacher", lambda self, align: ({}, {}))
    away = Distillation(teacher, crops, crops, DISTIL, device=META)
    away._axes = {name: axes.to(META) for name, axes in state["axes"].items()}
    away._sizes = dict(state["sizes"])
    batch = crops.draw(2, torch.Generator().manual_seed(1)).to(META)
    losses = (away._layer_losses if alone else away._losses)(batch)
    torch.stack(list(losses.values())).sum().backward()
    for tensor in (*losses.values(), *(p.grad for p in away.student.convolutions.parameters())):
        assert tensor.device == META


def several(monkeypatch: pytest.MonkeyPatch, count: int, gpus: int) -> None:
    """As torchrun starts a process, on a machine with so many GPUs."""
    monkeypatch.setenv("WORLD_SIZE", str(count))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(count))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)


def test_several_processes_have_a_gpu_each(monkeypatch: pytest.MonkeyPatch) -> None:
    several(monkeypatch, count=2, gpus=1)
    with pytest.raises(OptionError, match=r"2 processes need as many GPUs, and there are 1: start"):
        launched_workers("auto")
    several(monkeypatch, count=2, gpus=2)
    with pytest.raises(OptionError, match=r"device cuda:1 is for one process"):
        launched_workers("cuda:1")


@pytest.mark.parametrize("name", ["gpu", "meta", "cpu:3", "cuda", "mps"])
def test_a_device_that_is_not_there_is_one_sentence(name: str, monkeypatch, capsys, tmp_path: Path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with pytest.raises(OptionError, match="device"):
        launched_workers(name)
    words = ["--content", ".", "--style", ".", "-o", str(tmp_path / "x.safetensors")]
    assert run(["train", "any-style", *words, "--device", name]) == 2
    assert capsys.readouterr().err.startswith(f"impasto: --device {name}")
    assert list(tmp_path.iterdir()) == []

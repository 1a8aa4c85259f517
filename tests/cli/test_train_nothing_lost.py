"""``impasto train``: what fails beside the training, and stops within a step."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
import torch

from helpers.network_trainings import command, make_sheets_small, training_data
from helpers.random_inputs import random_encoder, smooth_picture
from helpers.trainings import log_of, same
from impasto import images
from impasto.cli.main import run
from impasto.encoders.files import save_encoder
from impasto.encoders.vgg import Architecture
from impasto.networks.files import load_network
from impasto.objective.objective import Objective
from impasto.runtime.locks import locked
from impasto.training.distillation import Distillation
from impasto.training.network import OnePassTraining
from impasto.training.validation import Validation
from impasto.weights.open import open_encoder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return training_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def small_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    make_sheets_small(monkeypatch)


def stop_within(monkeypatch, owner, name, number):
    """Have the call of that number of a method take a minute, after a SIGTERM."""
    method, calls = getattr(owner, name), []

    def long(self, *rest):
        calls.append(name)
        if len(calls) == number:
            signal.raise_signal(signal.SIGTERM)
            time.sleep(60)
        return method(self, *rest)

    monkeypatch.setattr(owner, name, long)


def same_models(one: Path, other: Path) -> bool:
    return same(*(load_network(path).network.state_dict() for path in (one, other)))


@pytest.mark.parametrize("network", [[], ["--network", "johnson", "--norm", "batch"]])
def test_stopped_within_a_step_and_gone_on_with_to_the_bit(
    network, data, tmp_path, monkeypatch, capsys
):
    """Also where the forward pass changes running moments."""
    whole, parts = (tmp_path / f"{name}.safetensors" for name in ("whole", "parts"))
    more = [*network, "--steps", "3", "--validate-every", "9"]
    assert run(command(data, "per-style", whole, *more, "--quiet")) == 0
    capsys.readouterr()
    with monkeypatch.context() as patch:
        stop_within(patch, Objective, "__call__", 2)
        assert run(command(data, "per-style", parts, *more)) == 130
    out, err = capsys.readouterr()
    assert "impasto: stopping after this step, or within it if it is a long one" in err
    assert f"stopped; the same command continues from {tmp_path / 'parts-run'}" in out
    assert run(command(data, "per-style", parts, *more, "--quiet")) == 0
    assert same_models(whole, parts)
    assert log_of(tmp_path / "parts-run") == log_of(tmp_path / "whole-run")


def test_stopped_within_a_validation(data, tmp_path, monkeypatch):
    whole, parts = (tmp_path / f"{name}.safetensors" for name in ("whole", "parts"))
    more = ["--steps", "3", "--validate-every", "2", "--quiet"]
    assert run(command(data, "per-style", whole, *more)) == 0
    with monkeypatch.context() as patch:
        stop_within(patch, Validation, "__call__", 1)
        assert run(command(data, "per-style", parts, *more)) == 130
    assert run(command(data, "per-style", parts, *more)) == 0
    assert same_models(whole, parts)


def test_sheets_and_tables_that_fail_do_not_end_it(data, tmp_path, capsys):
    output, folder = tmp_path / "x.safetensors", tmp_path / "x-run"
    for name in ("sheet-000001.jpg", "sheet-000002.jpg", "best.safetensors"):
        (folder / name).mkdir(parents=True)
    assert run(command(data, "per-style", output, "--validate-every", "1", "--quiet")) == 0
    told = capsys.readouterr().err.splitlines()
    assert told == [
        f"impasto: {folder / name} is a folder: name a file in it."
        for name in ("sheet-000001.jpg", "best.safetensors", "sheet-000002.jpg")
    ]
    assert output.exists()
    assert len(log_of(folder)) == 3


def test_a_model_without_room_is_kept_elsewhere(data, tmp_path, monkeypatch, capsys):
    """And written to its place by the same command, without another step."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    output = tmp_path / "out" / "x.safetensors"
    words = command(data, "per-style", output, "--run", str(tmp_path / "run"), "--quiet")
    output.parent.mkdir()

    def becomes_a_file(self, step, seconds_left):
        if step.step == 2:
            output.parent.rmdir()
            output.parent.write_text("")

    monkeypatch.setattr("impasto.cli.shared.training_progress.TrainingBar.show", becomes_a_file)
    assert run(words) == 2
    assert capsys.readouterr().err == (
        f"impasto: {output} cannot be written because {output.parent} is a file: the model is "
        f"saved as {tmp_path / 'work' / 'x.safetensors'} instead.\n"
    )
    output.parent.unlink()
    monkeypatch.setattr(OnePassTraining, "step", None)  # never reached
    assert run(words) == 0
    assert same_models(output, tmp_path / "work" / "x.safetensors")


def test_two_runs_in_one_folder_are_one_sentence(data, tmp_path, capsys):
    folder = tmp_path / "run"
    folder.mkdir()
    words = command(data, "per-style", tmp_path / "x.safetensors", "--run", str(folder), "--quiet")
    with locked(folder, remedy=""):
        assert run(words) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"impasto: {folder} is in use by process ")
    assert told.endswith(": wait until it ends, or give another --run folder.")
    assert run(words) == 0


def test_an_encoder_is_stopped_within_a_step(tmp_path, monkeypatch):
    """Pictures of the pool that the step has replaced are there again."""
    for number, name in enumerate(("photos/a.png", "paintings/c.png")):
        images.write(tmp_path / name, smooth_picture(80, 90, seed=number))
    # Wider than the student, whose layers are not trained alone then.
    teacher = random_encoder(Architecture((16, 32, 96, 128, 128), (2, 2, 4, 4, 1)))
    save_encoder(tmp_path / "teacher.safetensors", teacher, dtype=torch.float32)
    words = [
        "train", "encoder", "--teacher", str(tmp_path / "teacher.safetensors"),
        "--content", str(tmp_path / "photos"), "--style", str(tmp_path / "paintings"),
        "--crop", "64", "--painted", "1", "--steps", "3", "--precision", "float32",
        "--device", "cpu", "--quiet", "-o",
    ]  # fmt: skip
    whole, parts = (tmp_path / f"{name}.safetensors" for name in ("whole", "parts"))
    assert run([*words, str(whole)]) == 0
    with monkeypatch.context() as patch:
        stop_within(patch, Distillation, "_losses", 2)
        assert run([*words, str(parts)]) == 130
    assert run([*words, str(parts)]) == 0
    assert same(open_encoder(str(parts)).state_dict(), open_encoder(str(whole)).state_dict())

"""Cells of a study that are stopped: the same command goes on from their checkpoints."""

from __future__ import annotations

import os
import signal
import time

import pytest
import torch

from helpers.random_inputs import random_encoder, smooth_picture
from impasto import images
from impasto.cli.main import run
from impasto.encoders.files import save_encoder
from impasto.encoders.vgg import Architecture
from impasto.objective.objective import Objective
from impasto.recipes.recipe import Recipe
from impasto.studies.study import Study, StudyRun, Sweep

RECIPE = Recipe(
    encoder="tiny.safetensors", content_layers={"relu4_1": 1.0}, size=64, scales=1, final_steps=6
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("photo.png", "painting.png")):
        images.write(tmp_path / name, smooth_picture(48, 64, seed=number))
    architecture = Architecture((4, 6, 8, 8, 8), (1, 1, 1, 1, 1), padding="reflect")
    save_encoder(tmp_path / "tiny.safetensors", random_encoder(architecture), dtype=torch.float32)
    return tmp_path


def study(place, folder):
    sweep = Sweep("tv_weight", (0.0, 4.0), ("0", "4"))
    return StudyRun(
        Study(RECIPE, (sweep,)), place / "photo.png", place / "painting.png", place / folder
    )


def same(one, other):
    return torch.equal(images.read(one).tensor, images.read(other).tensor)


def test_a_cell_that_is_left_goes_on_where_it_was(place):
    whole, parts = study(place, "whole"), study(place, "parts")
    cell = whole.study.cells[1]
    assert len(list(whole.paint(*cell))) == 6
    painted = parts.paint(*cell)
    assert [next(painted).step for _ in range(4)] == [1, 2, 3, 4]
    painted.close()
    assert os.listdir(parts.folder) == ["001.png.checkpoint"]
    again = study(place, "parts")
    assert [progress.step for progress in again.paint(*cell)] == [5, 6]
    assert same(whole.file("001"), parts.file("001"))
    assert os.listdir(parts.folder) == ["001.png"]


def test_a_checkpoint_of_another_cell_is_not_used(place):
    parts = study(place, "parts")
    painted = parts.paint(*parts.study.cells[0])
    next(painted)
    painted.close()
    (parts.folder / "000.png.checkpoint").rename(parts.folder / "001.png.checkpoint")
    assert len(list(parts.paint(*parts.study.cells[1]))) == 6
    assert os.listdir(parts.folder) == ["001.png"]


def test_a_long_step_of_a_cell_is_left(place, monkeypatch, capsys):
    words = [
        "compare", "photo.png", "painting.png", "--sweep", "tv-weight=0,4", "--workers", "1",
        "--encoder", "tiny.safetensors", "--content-layers", "relu4_1", "--size", "64",
        "--scales", "1", "--final-steps", "6", "-o",
    ]  # fmt: skip
    assert run([*words, "whole.png"]) == 0
    capsys.readouterr()
    gradient, calls = Objective.gradient, []

    def long(objective, image):
        calls.append(time.monotonic())
        if len(calls) == 10:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
        return gradient(objective, image)

    with monkeypatch.context() as patch:
        patch.setattr(Objective, "gradient", long)
        assert run([*words, "parts.png"]) == 130
    assert time.monotonic() - calls[-1] < 10  # two seconds, but on a busy machine
    out, err = capsys.readouterr()
    assert err == "impasto: stopping after this step, or within it if it is a long one\n"
    assert "parts.png: stopped after 1 of 2 pictures; the same command continues" in out
    assert (place / "parts-cells" / "001.png.checkpoint").exists()
    assert run([*words, "parts.png"]) == 0
    for name in ("000.png", "001.png"):
        assert same(place / "whole-cells" / name, place / "parts-cells" / name)
    assert sorted(os.listdir("parts-cells")) == ["000.png", "001.png"]

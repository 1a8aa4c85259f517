"""Pictures, crops and a distillation, shared by the tests of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from helpers.random_inputs import random_encoder, smooth_picture
from helpers.trainings import SETTINGS
from impasto import images
from impasto.encoders.vgg import Architecture, Encoder
from impasto.images.picture import list_pictures
from impasto.training.crops import Crops
from impasto.training.distillation import Distillation, DistillSettings


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

"""The scripts of ``benchmarks/`` as modules, and small inputs of theirs."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from helpers.random_inputs import smooth_picture
from impasto import images

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))  # last: a script may be called as a module of someone else is


def held_out_name(number: int) -> str:
    """The name of a picture that no training sees."""
    names = (f"picture-{number}-{index}" for index in range(1000))
    return next(n for n in names if hashlib.sha256(f"{n}.png".encode()).hexdigest()[0] in "01")


@pytest.fixture(scope="session")
def pictures_folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with folders ``photos`` and ``paintings``, some of their pictures held out."""
    folder = tmp_path_factory.mktemp("pictures")
    for kind, first in (("photos", 0), ("paintings", 10)):
        for number in range(first, first + 3):
            picture = smooth_picture(72, 100 - number, seed=number)
            images.write(folder / kind / f"{held_out_name(number)}.png", picture)
        images.write(folder / kind / "trained-on-2.png", smooth_picture(72, 90, seed=99))
    return folder


@pytest.fixture(scope="session")
def unseen_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unseen encoder with random weights."""
    from unseen_encoder import UnseenEncoder

    path = tmp_path_factory.mktemp("unseen") / "unseen.safetensors"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        save_file(UnseenEncoder().state_dict(), path)
    return path

"""A small training task for several processes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from helpers import tiny_networks
from helpers.random_inputs import random_encoder, smooth_picture
from helpers.tiny_networks import ENCODER, any_style, network
from impasto import images
from impasto.images.picture import list_pictures
from impasto.training.any_style import AnyStyleTraining
from impasto.training.crops import Crops
from impasto.training.distributed import Workers
from impasto.training.fixed_styles import FixedStylesTraining
from impasto.training.network import OnePassTraining


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(3):
        images.write(folder / f"{number}.png", smooth_picture(80, 90 + number, seed=number))
    return folder


def task(kind: str, folder: Path, workers: Workers) -> OnePassTraining:
    crops, encoder = Crops(list_pictures(folder), 64), random_encoder(ENCODER)
    own = network("paint").train().requires_grad_(True)
    if kind == "any":
        reader = any_style("paint", encoder).predictor.train().requires_grad_(True)
        return AnyStyleTraining(
            own, encoder, "tiny", crops, crops, SETTINGS, predictor=reader, workers=workers
        )
    if kind == "batch":
        own = network("johnson-batch").train().requires_grad_(True)
    styles = {f"style {number}": smooth_picture(72, 72, seed=number) for number in range(MANY)}
    return FixedStylesTraining(own, encoder, "tiny", crops, styles, SETTINGS, workers=workers)


def gradients(made: OnePassTraining) -> list[Tensor]:
    return [torch.zeros_like(p) if p.grad is None else p.grad for p in made._modules.parameters()]


SETTINGS = replace(tiny_networks.SETTINGS, batch=4, own_style=0.2, seed=1)


MANY = 7
"""Styles, so that a process does not draw them all: it has no gradient of the others."""

"""Small trainings and how their logs and results are compared."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.training.distillation import DistillSettings
from impasto.training.loop import LOG

SETTINGS = DistillSettings(
    widths=(6, 10, 14, 14, 14),
    photographs=1,
    paintings=1,
    painted=2,
    pool=4,
    pool_life=6,
    crop=64,
    precision="float32",
)


def same(one: object, other: object) -> bool:
    """Whether two states agree to the bit."""
    first, second = flat(one), flat(other)
    return first.keys() == second.keys() and all(
        torch.equal(value, second[key]) if isinstance(value, Tensor) else value == second[key]
        for key, value in first.items()
    )


def log_of(folder: Path) -> list[list[str]]:
    """The log's rows but for the seconds."""
    with (folder / LOG).open(newline="") as file:
        return [[*row[:2], *row[3:]] for row in csv.reader(file)]


def flat(state: object, name: str = "") -> dict[str, Any]:
    """Every tensor and number of a nested state, by its path."""
    if isinstance(state, dict):
        parts = [flat(value, f"{name}.{key}") for key, value in state.items()]
    elif isinstance(state, list):
        parts = [flat(value, f"{name}.{index}") for index, value in enumerate(state)]
    else:
        return {name: state}
    return {key: value for part in parts for key, value in part.items()}

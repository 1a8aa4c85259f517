"""Weights of a VGG's shape in a few kilobytes: what is published, and what is kept of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from impasto.weights.records import WeightRecord

StateDict = dict[str, Any]
Record = Callable[..., WeightRecord]

# Two convolutions of 4 channels, a pooling, one of 6: counted as torchvision counts.
SHAPES = {"features.0": (4, 3, 3, 3), "features.2": (4, 4, 3, 3), "features.5": (6, 4, 3, 3)}


def published_state() -> StateDict:
    """What a publisher's file holds: the convolutions, and a classifier that is not wanted."""
    generator = torch.Generator().manual_seed(0)
    state: StateDict = {"classifier.0.weight": torch.zeros(2, 2)}
    for key, shape in SHAPES.items():
        state[f"{key}.weight"] = torch.randn(shape, generator=generator)
        state[f"{key}.bias"] = torch.randn(shape[:1], generator=generator)
    return state


def pickled(content: object, *, legacy: bool = False) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=not legacy)
    return buffer.getvalue()


def kept_files(cache: Path) -> list[str]:
    """The files in the cache, locks aside."""
    return sorted(path.name for path in cache.rglob("*") if path.suffix not in ("", ".lock"))


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)

"""Commands that paint a picture of a few thousand pixels, in a folder with all that they need."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from helpers.random_inputs import random_encoder, smooth_picture
from impasto import images
from impasto.cli.main import run
from impasto.encoders.files import save_encoder
from impasto.encoders.vgg import Architecture
from impasto.jobs.display import ProgressBar
from impasto.jobs.events import Event, Progress
from impasto.jobs.requests import PaintRequest, StyleInput
from impasto.recipes.recipe import Recipe

ENCODER = "tiny.safetensors"

OPTIONS = [
    "--encoder", ENCODER, "--content-layers", "relu4_1", "--size", "64", "--scales", "2",
    "--scale-ratio", "1.414", "--steps", "6", "--final-steps", "6", "--memory", "2GB",
]  # fmt: skip
"""Sizes 45 and 64 with six steps each."""


def furnish(folder: Path) -> Path:
    """Make the folder, with a photograph, a painting and a tiny encoder."""
    folder.mkdir()
    for number, name in enumerate(("photo.png", "painting.png")):
        images.write(folder / name, smooth_picture(48, 64, seed=number))
    architecture = Architecture((4, 6, 8, 8, 8), (1, 1, 1, 1, 1), padding="reflect")
    save_encoder(folder / ENCODER, random_encoder(architecture), dtype=torch.float32)
    return folder


def paint(output: str | Path, *words: str, quiet: bool = True) -> int:
    """``impasto paint`` in the folder; its exit code."""
    more = [*OPTIONS, *words, *["--quiet"] * quiet]
    return run(["paint", "photo.png", "painting.png", "-o", str(output), *more])


def request(**changes: object) -> PaintRequest:
    """The same as a request, with changes to the recipe."""
    recipe = Recipe(
        encoder=ENCODER,
        content_layers={"relu4_1": 1.0},
        size=64,
        scales=2,
        scale_ratio=1.414,
        steps=6,
        final_steps=6,
    )
    return PaintRequest("photo.png", (StyleInput("painting.png"),), recipe.replace(**changes))


def pixels_of(path: str | Path) -> bytes:
    with Image.open(path) as picture:
        return picture.tobytes()


def call_after_step(
    monkeypatch: pytest.MonkeyPatch, number: int, action: Callable[[], object]
) -> None:
    """Have a function called once, after a command's step of that number."""
    show, called = ProgressBar.show, []

    def patched(bar: ProgressBar, event: Event) -> None:
        show(bar, event)
        if isinstance(event, Progress) and event.number == number and not called:
            called.append(number)
            action()

    monkeypatch.setattr(ProgressBar, "show", patched)

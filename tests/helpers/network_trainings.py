"""What trainings of one-pass networks by command are tested with: data, words, a look."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from helpers.random_inputs import random_encoder, smooth_picture
from helpers.tiny_networks import ENCODER, any_style, fixed_styles
from impasto import images
from impasto.cli.commands import train_networks
from impasto.encoders.files import save_encoder
from impasto.networks.adain import AdaINNetwork
from impasto.networks.files import save_network
from impasto.networks.model import IDENTITY, OnePassModel
from impasto.onepass.stylist import Stylist

# On the processor, also where there is a GPU: there the sums have no fixed order.
FAST = ["--crop", "64", "--batch", "2", "--steps", "2", "--device", "cpu"]


def training_data(folder: Path) -> Path:
    """In a new folder: one of photographs, one of paintings, and a tiny encoder and models."""
    for number, name in enumerate(("photos/a.png", "photos/b.jpg", "paintings/wave.png",
                                   "paintings/rain.png", "paintings/more/hatch.png")):  # fmt: skip
        images.write(folder / name, smooth_picture(90, 80 + 9 * number, seed=number))
    (folder / "photos" / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    (folder / "photos" / "0.png").write_bytes(b"")
    (folder / "paintings" / "0.png").write_bytes(b"")
    (folder / "empty").mkdir()
    (folder / "broken").mkdir()
    (folder / "broken" / "x.png").write_bytes(b"")
    tiny = random_encoder(ENCODER)
    save_encoder(folder / "tiny.safetensors", tiny, dtype=torch.float32)
    models = {
        "fixed": fixed_styles("paint", "old", IDENTITY),
        "any": any_style("paint", tiny),
        "adain": OnePassModel(AdaINNetwork(tiny)),
    }
    for name, model in models.items():
        model.encoder = str(folder / "tiny.safetensors")
        save_network(folder / f"{name}.safetensors", model, dtype=torch.float16)
    return folder


def make_sheets_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation pictures that take no time."""
    monkeypatch.setattr(train_networks, "_VALIDATION_SIDE", 96)
    monkeypatch.setattr(train_networks, "_VALIDATION_PAIRS", 2)


def command(data: Path, what: str, output: Path, *more: str, encoder: str = "tiny") -> list[str]:
    style = {
        "any-style": ["paintings"],
        "multi-style": ["paintings/wave.png", "paintings/rain.png"],
        "per-style": ["paintings/wave.png"],
    }[what]
    return [
        "train", what, "--content", str(data / "photos"), "--style",
        *[str(data / name) for name in style], "-o", str(output),
        "--encoder", str(data / f"{encoder}.safetensors") if encoder == "tiny" else encoder,
        *FAST, *more,
    ]  # fmt: skip


def painted(model: OnePassModel, vector: Tensor) -> Tensor:
    image = smooth_picture(48, 64, seed=1)
    stylist = Stylist(model, precision="float32")
    return stylist.paint(image, stylist.spatial_style([vector], image))

"""Which tensors of a published file are kept, under which names, and of which shapes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from impasto.encoders.alexnet import AlexNet
from impasto.encoders.inception import Inception
from impasto.encoders.vgg import Architecture
from impasto.errors import WeightsError
from impasto.weights.records import WeightRecord

Table = dict[str, tuple[str, tuple[int, ...]]]
"""Own name of a tensor → its name in the published file, and its shape."""

NETS: Mapping[str, type[nn.Module]] = {"alexnet": AlexNet, "inception": Inception}
"""Layout → the net of ours whose tensors bear the published names."""

_NAMES = {
    "vgg": "VGG of this depth",
    "alexnet": "AlexNet of torchvision",
    "inception": "Inception-v3 of torchvision",
    "lpips": "set of linear weights of LPIPS for these layers",
}


def architecture(record: WeightRecord) -> Architecture:
    """The encoder that a record of layout ``"vgg"`` describes."""
    return Architecture(widths=record.widths, depths=record.depths)


def published_tensors(record: WeightRecord, state: object, file: Path) -> dict[str, Tensor]:
    """The part of a published file that is kept, under its own names, contiguous float32.

    Args:
        record: Whose file it is.
        state: What the file holds.
        file: Its path, for errors.

    Raises:
        WeightsError: If a tensor is missing, of another shape, or not of finite numbers.
    """
    if not isinstance(state, Mapping):
        raise WeightsError(f"{file} holds no table of tensors but a {type(state).__name__}.")
    return {
        name: _tensor(record, state, key, shape, file)
        for name, (key, shape) in _table(record).items()
    }


def kept_tensors(
    record: WeightRecord, state: Mapping[str, Tensor], file: Path
) -> dict[str, Tensor]:
    """The same of a file that Impasto has kept; arguments and errors are those above."""
    return {
        name: _tensor(record, state, name, shape, file)
        for name, (_, shape) in _table(record).items()
    }


def _table(record: WeightRecord) -> Table:
    if record.layout == "vgg":
        return _vgg(architecture(record))
    if record.layout == "lpips":
        return {
            f"layer{number}": (f"lin{number}.model.1.weight", (1, width, 1, 1))
            for number, width in enumerate(record.widths)
        }
    return _as_published(NETS[record.layout])


def _vgg(architecture: Architecture) -> Table:
    """The convolutions of a torchvision VGG under the papers' names (``conv1_1.weight``)."""
    table: Table = {}
    for name, (channels_in, channels_out) in architecture.convolutions.items():
        # torchvision counts convolutions, rectifiers and poolings alike.
        key = f"features.{architecture.layers.index(name)}"
        table[f"{name}.weight"] = (f"{key}.weight", (channels_out, channels_in, 3, 3))
        table[f"{name}.bias"] = (f"{key}.bias", (channels_out,))
    return table


def _as_published(net: type[nn.Module]) -> Table:
    """The tensors of a net of ours that is named after torchvision's."""
    with torch.device("meta"):  # only the shapes are wanted
        state = net().state_dict()
    return {name: (name, tuple(value.shape)) for name, value in state.items()}


def _tensor(
    record: WeightRecord,
    state: Mapping[str, object],
    key: str,
    shape: tuple[int, ...],
    file: Path,
) -> Tensor:
    """One tensor of a file as contiguous float32, if it is what it should be."""
    value = state.get(key)
    if not isinstance(value, Tensor) or not value.is_floating_point():
        raise WeightsError(
            f"{file} has no numbers under '{key}': it is no {_NAMES[record.layout]}."
        )
    if value.shape != shape:
        raise WeightsError(f"{file}: {key} has shape {tuple(value.shape)}, expected {shape}.")
    if not torch.isfinite(value).all():
        raise WeightsError(f"{file}: {key} holds values that are not finite.")
    return value.to(torch.float32).contiguous()

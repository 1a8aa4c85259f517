"""Which tensors of a published file are used, with their names and shapes."""

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
"""Name of a tensor here → its name in the published file, and its shape."""

NETS: Mapping[str, type[nn.Module]] = {"alexnet": AlexNet, "inception": Inception}
"""Layout → the network whose tensors have the published names."""

_NAMES = {
    "vgg": "a VGG of this depth",
    "alexnet": "torchvision's AlexNet",
    "inception": "torchvision's Inception-v3",
    "lpips": "a set of linear LPIPS weights for these layers",
}


def architecture(record: WeightRecord) -> Architecture:
    """The architecture of a record of layout ``"vgg"``."""
    return Architecture(widths=record.widths, depths=record.depths)


def published_tensors(record: WeightRecord, state: object, file: Path) -> dict[str, Tensor]:
    """The tensors of a published file that are used, renamed, as contiguous float32.

    Raises:
        WeightsError: If a tensor is missing, of another shape, or not finite.
    """
    if not isinstance(state, Mapping):
        raise WeightsError(f"{file} must hold a dict of tensors, not a {type(state).__name__}.")
    return {
        name: _tensor(record, state, key, shape, file)
        for name, (key, shape) in _table(record).items()
    }


def cached_tensors(
    record: WeightRecord, state: Mapping[str, Tensor], file: Path
) -> dict[str, Tensor]:
    """The same, checked, of a file in the cache; see :func:`published_tensors`."""
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
    return _torchvision(NETS[record.layout])


def _vgg(architecture: Architecture) -> Table:
    """The convolutions of a torchvision VGG, with the papers' names (``conv1_1.weight``)."""
    table: Table = {}
    for name, (channels_in, channels_out) in architecture.convolutions.items():
        # torchvision numbers convolutions, rectifiers and poolings consecutively.
        key = f"features.{architecture.layers.index(name)}"
        table[f"{name}.weight"] = (f"{key}.weight", (channels_out, channels_in, 3, 3))
        table[f"{name}.bias"] = (f"{key}.bias", (channels_out,))
    return table


def _torchvision(net: type[nn.Module]) -> Table:
    """All tensors of a network that has torchvision's names."""
    with torch.device("meta"):  # for the shapes only
        state = net().state_dict()
    return {name: (name, tuple(value.shape)) for name, value in state.items()}


def _tensor(
    record: WeightRecord,
    state: Mapping[str, object],
    key: str,
    shape: tuple[int, ...],
    file: Path,
) -> Tensor:
    """One tensor of a file as contiguous float32, after checks of type, shape and values."""
    value = state.get(key)
    if not isinstance(value, Tensor) or not value.is_floating_point():
        raise WeightsError(
            f"{file} has no float tensor '{key}', so it is not {_NAMES[record.layout]}."
        )
    if value.shape != shape:
        raise WeightsError(f"{file}: {key} has shape {tuple(value.shape)}, expected {shape}.")
    if not torch.isfinite(value).all():
        raise WeightsError(f"{file}: {key} has values that are not finite.")
    return value.to(torch.float32).contiguous()

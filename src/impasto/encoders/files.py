"""Encoders in files: our own safetensors, and foreign layouts told apart by their keys.

A model file is untrusted input: safetensors only (nothing is ever unpickled here), keys checked
against the layout, sizes read from the shapes.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.encoders.vgg import Architecture, Encoder
from impasto.errors import WeightsError
from impasto.runtime.safetensors import State, read_safetensors, write_safetensors

FORMAT = "impasto.encoder"
VERSION = "1"
STORED_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


# What a broken description can lead to on its way to an architecture.
_BROKEN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


def load_encoder(path: str | Path) -> Encoder:
    """The encoder in a safetensors file, frozen, float32, on the CPU.

    Known layouts: Impasto's own, and the 16-fold compressed VGG-19 of collaborative distillation
    (Wang et al. 2020, arXiv:2003.08436; keys ``conv11`` … ``conv51``, ``convXY_aux``).

    Raises:
        WeightsError: If there is no such file, it is not safetensors, or of another layout.
    """
    path = Path(path)
    state, metadata = read_safetensors(path)
    if metadata.get("format") == FORMAT:
        encoder = _from_own(path, state, metadata)
    elif "conv11.weight" in state:
        encoder = _from_compressed_vgg19(path, state)
    else:
        raise WeightsError(
            f"{path} is no encoder that Impasto knows: neither its own format nor a compressed "
            "VGG-19. For torchvision's .pth files use `impasto models add`."
        )
    return encoder.frozen()


def save_encoder(
    path: str | Path, encoder: Encoder, *, dtype: torch.dtype, card: dict[str, str] | None = None
) -> None:
    """Write an encoder as one safetensors file with its architecture in the metadata.

    Args:
        path: Where to; replaced atomically.
        encoder: What to write.
        dtype: The type of the stored weights (``torch.float16`` halves the file).
        card: Further metadata: licence, training data, metrics.

    Raises:
        WeightsError: If the file cannot be written.
    """
    metadata = {
        **(card or {}),
        "format": FORMAT,
        "version": VERSION,
        "architecture": json.dumps(_describe(encoder.architecture)),
    }
    state = {
        _file_key(key): value.detach().to(dtype).contiguous()
        for key, value in encoder.state_dict().items()
        if key not in ("mean", "std")
    }
    write_safetensors(Path(path), state, metadata)


def _file_key(key: str) -> str:
    """``convolutions.conv1_1.weight`` → ``conv1_1.weight``; ``readouts.`` keys stay."""
    return key.removeprefix("convolutions.")


def _from_own(path: Path, state: State, metadata: dict[str, str]) -> Encoder:
    if metadata.get("version") != VERSION:
        raise WeightsError(
            f"{path} is an encoder file of version {metadata.get('version')}; this Impasto reads "
            f"version {VERSION}: update Impasto or fetch the file again."
        )
    try:
        description = json.loads(metadata["architecture"])
        # Before anything is built or listed: a few bytes can ask for a billion layers.
        if 2 * sum(description["depths"]) > len(state):
            raise ValueError("it has more convolutions than the file has tensors for")
        architecture = _architecture(description)
    except _BROKEN as error:
        raise WeightsError(f"{path} does not describe its architecture: {error!r}.") from error
    return _build(path, architecture, state)


def _describe(architecture: Architecture) -> dict[str, Any]:
    """An architecture as JSON has it: lists, numbers, names."""
    return {
        "widths": list(architecture.widths),
        "depths": list(architecture.depths),
        "pooling": architecture.pooling,
        "padding": architecture.padding,
        "mean": list(architecture.mean),
        "std": list(architecture.std),
        "readouts": dict(architecture.readouts),
        "readouts_rectified": architecture.readouts_rectified,
    }


def _architecture(description: dict[str, Any]) -> Architecture:
    """The architecture that ``_describe`` described so, and nothing that merely resembles it."""
    red, green, blue = (float(value) for value in description["mean"])
    deviations = tuple(float(value) for value in description["std"])
    architecture = Architecture(
        widths=tuple(int(width) for width in description["widths"]),
        depths=tuple(int(depth) for depth in description["depths"]),
        pooling=description["pooling"],
        padding=description["padding"],
        mean=(red, green, blue),
        std=(deviations[0], deviations[1], deviations[2]),
        readouts={str(name): int(width) for name, width in description["readouts"].items()},
        readouts_rectified=bool(description["readouts_rectified"]),
    )
    if _describe(architecture) != description:
        raise ValueError("its values are not of the kinds that they should be")
    return architecture


def _shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """Key in a file → the shape of its tensor."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (channels_in, channels_out) in architecture.convolutions.items():
        shapes[f"{name}.weight"] = (channels_out, channels_in, 3, 3)
        shapes[f"{name}.bias"] = (channels_out,)
    for layer, width in architecture.readouts.items():
        channels = architecture.width(layer)
        shapes[f"readouts.{layer}.weight"] = (width, channels, 1, 1)
        shapes[f"readouts.{layer}.bias"] = (width,)
    return shapes


def _build(path: Path, architecture: Architecture, state: State) -> Encoder:
    """The encoder of that architecture and those tensors, none lacking, over or misfitting.

    Sizes are compared first, so that nothing is built that is larger than the file.
    """
    shapes = _shapes(architecture)
    wrong = sorted(set(shapes) ^ set(state))
    if wrong:
        raise WeightsError(f"{path} does not fit its architecture: {', '.join(wrong[:4])} …")
    for key, shape in shapes.items():
        if state[key].shape != shape:
            raise WeightsError(
                f"{path}: {key} has shape {tuple(state[key].shape)}, its architecture says {shape}."
            )
    numbers = {key: _numbers(path, key, value) for key, value in state.items()}
    encoder = Encoder(architecture)
    if not (torch.isfinite(encoder.mean) & torch.isfinite(encoder.std) & (encoder.std > 0)).all():
        raise WeightsError(
            f"{path}: means of {architecture.mean} and deviations of {architecture.std} cannot be "
            "those of pictures."
        )
    for name, own in encoder.state_dict().items():
        if name not in ("mean", "std"):
            own.copy_(numbers[_file_key(name)])
    return encoder


def _numbers(path: Path, key: str, value: Tensor) -> Tensor:
    """A tensor of a file as float32, refused if it does not hold plain finite numbers."""
    if value.dtype not in STORED_TYPES:
        raise WeightsError(f"{path}: {key} holds {value.dtype}, which is no type of weights.")
    value = value.float()
    if not torch.isfinite(value).all():
        raise WeightsError(f"{path}: {key} holds values that are not finite.")
    return value


def _from_compressed_vgg19(path: Path, state: State) -> Encoder:
    """The compressed VGG-19: its colour matrix ``conv0`` is folded into the first convolution."""
    state = {key: _numbers(path, key, value) for key, value in state.items()}
    try:
        architecture, renamed = _read_compressed_vgg19(state)
    except (*_BROKEN, RuntimeError) as error:
        raise WeightsError(f"{path} is no compressed VGG-19 as it is known: {error!r}.") from error
    return _build(path, architecture, renamed)


def _read_compressed_vgg19(state: State) -> tuple[Architecture, State]:
    names = {key.partition(".")[0] for key in state}
    convolutions = sorted(name[4:] for name in names if re.fullmatch(r"conv[1-5]\d", name))
    blocks = sorted({name[0] for name in convolutions})
    readouts = [name for name in convolutions if f"conv{name}_aux" in names]
    architecture = Architecture(
        widths=tuple(len(state[f"conv{block}1.bias"]) for block in blocks),
        depths=tuple(sum(name[0] == block for name in convolutions) for block in blocks),
        pooling="max",
        padding="reflect",
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        readouts={f"relu{n[0]}_{n[1]}": len(state[f"conv{n}_aux.bias"]) for n in readouts},
        readouts_rectified=True,
    )
    renamed: State = {}
    for name in convolutions:
        for part in ("weight", "bias"):
            renamed[f"conv{name[0]}_{name[1]}.{part}"] = state[f"conv{name}.{part}"]
    for name in readouts:
        for part in ("weight", "bias"):
            renamed[f"readouts.relu{name[0]}_{name[1]}.{part}"] = state[f"conv{name}_aux.{part}"]
    # A pointwise map commutes with reflection padding, so it can be multiplied into conv1_1.
    matrix, shift = state["conv0.weight"], state["conv0.bias"]
    if matrix.shape != (3, 3, 1, 1) or shift.shape != (3,):
        raise ValueError("conv0 is no map from colours to colours")
    first = renamed["conv1_1.weight"]
    renamed["conv1_1.bias"] = renamed["conv1_1.bias"] + torch.einsum("oihw,i->o", first, shift)
    renamed["conv1_1.weight"] = torch.einsum("oihw,ij->ojhw", first, matrix[:, :, 0, 0])
    return architecture, renamed

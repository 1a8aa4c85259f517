"""Encoders as safetensors files: Impasto's own format, and other layouts recognized by their keys.

A model file is untrusted input. Nothing is unpickled, keys are checked against the layout, and
sizes are read from the shapes.
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
from impasto.runtime.safetensors import StateDict, read_safetensors, write_safetensors

FORMAT = "impasto.encoder"
VERSION = "1"
STORED_TYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)

# What parsing a malformed description can raise.
_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError)


def load_encoder(path: str | Path) -> Encoder:
    """Read an encoder from a safetensors file: frozen, float32, on the CPU.

    Known layouts: Impasto's own, and the 16-fold compressed VGG-19 of collaborative distillation
    (Wang et al. 2020, arXiv:2003.08436; keys ``conv11`` … ``conv51``, ``convXY_aux``).

    Raises:
        WeightsError: If the file is missing, not safetensors, or of an unknown layout.
    """
    path = Path(path)
    state, metadata = read_safetensors(path)
    if metadata.get("format") == FORMAT:
        encoder = _from_impasto(path, state, metadata)
    elif "conv11.weight" in state:
        encoder = _from_compressed_vgg19(path, state)
    else:
        raise WeightsError(
            f"{path} is not a known encoder file: neither Impasto's format nor a compressed "
            "VGG-19. For torchvision's .pth files use `impasto models add`."
        )
    return encoder.frozen()


def save_encoder(
    path: str | Path, encoder: Encoder, *, dtype: torch.dtype, card: dict[str, str] | None = None
) -> None:
    """Write an encoder as one safetensors file with its architecture in the metadata.

    Args:
        path: Replaced atomically.
        encoder: The encoder.
        dtype: Of the stored weights (``torch.float16`` halves the file).
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
    """``convolutions.conv1_1.weight`` → ``conv1_1.weight``; ``readouts.`` keys are unchanged."""
    return key.removeprefix("convolutions.")


def _from_impasto(path: Path, state: StateDict, metadata: dict[str, str]) -> Encoder:
    if metadata.get("version") != VERSION:
        raise WeightsError(
            f"{path} is an encoder file of version {metadata.get('version')}; this Impasto reads "
            f"version {VERSION}: update Impasto or fetch the file again."
        )
    try:
        description = json.loads(metadata["architecture"])
        # Checked before anything is built: a few bytes can claim a billion layers.
        if 2 * sum(description["depths"]) > len(state):
            raise ValueError("it has more convolutions than the file has tensors for")
        architecture = _architecture(description)
    except _MALFORMED as error:
        raise WeightsError(f"{path} does not describe its architecture: {error!r}.") from error
    return _build(path, architecture, state)


def _describe(architecture: Architecture) -> dict[str, Any]:
    """An architecture as JSON values."""
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
    """The inverse of ``_describe``; values of other types are refused, not converted."""
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
    """Key in a file → shape of its tensor."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (channels_in, channels_out) in architecture.convolutions.items():
        shapes[f"{name}.weight"] = (channels_out, channels_in, 3, 3)
        shapes[f"{name}.bias"] = (channels_out,)
    for layer, width in architecture.readouts.items():
        channels = architecture.width(layer)
        shapes[f"readouts.{layer}.weight"] = (width, channels, 1, 1)
        shapes[f"readouts.{layer}.bias"] = (width,)
    return shapes


def _build(path: Path, architecture: Architecture, state: StateDict) -> Encoder:
    """Build an encoder from exactly the tensors that its architecture needs.

    Shapes are compared first, so that nothing larger than the file is allocated.
    """
    shapes = _shapes(architecture)
    mismatched = sorted(set(shapes) ^ set(state))
    if mismatched:
        raise WeightsError(f"{path} does not fit its architecture: {', '.join(mismatched[:4])} …")
    for key, shape in shapes.items():
        if state[key].shape != shape:
            raise WeightsError(
                f"{path}: {key} has shape {tuple(state[key].shape)}, its architecture says {shape}."
            )
    weights = {key: _checked_float32(path, key, value) for key, value in state.items()}
    encoder = Encoder(architecture)
    if not (torch.isfinite(encoder.mean) & torch.isfinite(encoder.std) & (encoder.std > 0)).all():
        raise WeightsError(
            f"{path}: means of {architecture.mean} and deviations of {architecture.std} cannot be "
            "those of pictures."
        )
    for name, parameter in encoder.state_dict().items():
        if name not in ("mean", "std"):
            parameter.copy_(weights[_file_key(name)])
    return encoder


def _checked_float32(path: Path, key: str, value: Tensor) -> Tensor:
    """A tensor of a file as float32; a WeightsError if it is no float tensor or not finite."""
    if value.dtype not in STORED_TYPES:
        raise WeightsError(
            f"{path}: {key} has the type {value.dtype}, which is not one of weights."
        )
    value = value.float()
    if not torch.isfinite(value).all():
        raise WeightsError(f"{path}: {key} has values that are not finite.")
    return value


def _from_compressed_vgg19(path: Path, state: StateDict) -> Encoder:
    """The compressed VGG-19, with its colour matrix ``conv0`` folded into the first convolution."""
    state = {key: _checked_float32(path, key, value) for key, value in state.items()}
    try:
        architecture, renamed = _read_compressed_vgg19(state)
    except (*_MALFORMED, RuntimeError) as error:
        raise WeightsError(f"{path} is not a valid compressed VGG-19: {error!r}.") from error
    return _build(path, architecture, renamed)


def _read_compressed_vgg19(state: StateDict) -> tuple[Architecture, StateDict]:
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
    renamed: StateDict = {}
    for name in convolutions:
        for part in ("weight", "bias"):
            renamed[f"conv{name[0]}_{name[1]}.{part}"] = state[f"conv{name}.{part}"]
    for name in readouts:
        for part in ("weight", "bias"):
            renamed[f"readouts.relu{name[0]}_{name[1]}.{part}"] = state[f"conv{name}_aux.{part}"]
    # A 1×1 convolution commutes with reflection padding, so it can be multiplied into conv1_1.
    matrix, shift = state["conv0.weight"], state["conv0.bias"]
    if matrix.shape != (3, 3, 1, 1) or shift.shape != (3,):
        raise ValueError("conv0 is no map from colours to colours")
    first = renamed["conv1_1.weight"]
    renamed["conv1_1.bias"] = renamed["conv1_1.bias"] + torch.einsum("oihw,i->o", first, shift)
    renamed["conv1_1.weight"] = torch.einsum("oihw,ij->ojhw", first, matrix[:, :, 0, 0])
    return architecture, renamed

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
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from impasto.encoders import Architecture, Encoder
from impasto.errors import WeightsError
from impasto.files import replacing

FORMAT = "impasto.encoder"
VERSION = "1"

State = dict[str, Tensor]


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
    """
    architecture = encoder.architecture
    description = {
        "widths": architecture.widths,
        "depths": architecture.depths,
        "pooling": architecture.pooling,
        "padding": architecture.padding,
        "mean": architecture.mean,
        "std": architecture.std,
        "readouts": dict(architecture.readouts),
        "readouts_rectified": architecture.readouts_rectified,
    }
    metadata = {
        **(card or {}),
        "format": FORMAT,
        "version": VERSION,
        "architecture": json.dumps(description),
    }
    state = {
        _file_key(key): value.detach().to(dtype).contiguous()
        for key, value in encoder.state_dict().items()
        if key not in ("mean", "std")
    }
    with replacing(Path(path)) as temporary:
        save_file(state, temporary, metadata=metadata)


def read_safetensors(path: Path) -> tuple[State, dict[str, str]]:
    """All tensors and the metadata of a safetensors file.

    Raises:
        WeightsError: If it is missing, a folder, or not safetensors.
    """
    if not path.is_file():
        raise WeightsError(f"There is no weight file {path}.")
    try:
        with safe_open(path, "pt") as file:  # type: ignore[no-untyped-call]
            metadata = dict(file.metadata() or {})
            return {key: file.get_tensor(key) for key in file.keys()}, metadata  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(
            f"{path} is not a readable safetensors file ({error}): fetch or copy it again."
        ) from error


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
        architecture = _architecture(json.loads(metadata["architecture"]))
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} does not describe its architecture: {error!r}.") from error
    return _fill(path, Encoder(architecture), state)


def _architecture(description: dict[str, Any]) -> Architecture:
    red, green, blue = (float(value) for value in description["mean"])
    deviations = tuple(float(value) for value in description["std"])
    return Architecture(
        widths=tuple(int(width) for width in description["widths"]),
        depths=tuple(int(depth) for depth in description["depths"]),
        pooling=description["pooling"],
        padding=description["padding"],
        mean=(red, green, blue),
        std=(deviations[0], deviations[1], deviations[2]),
        readouts={str(name): int(width) for name, width in description["readouts"].items()},
        readouts_rectified=bool(description["readouts_rectified"]),
    )


def _fill(path: Path, encoder: Encoder, state: State) -> Encoder:
    """Copy the tensors of a file into an encoder, refusing any that lacks, is over or misfits."""
    own = {_file_key(key): key for key in encoder.state_dict() if key not in ("mean", "std")}
    wrong = sorted(set(own) ^ set(state))
    if wrong:
        raise WeightsError(f"{path} does not fit its architecture: {', '.join(wrong[:4])} …")
    target = encoder.state_dict()
    for key, name in own.items():
        if target[name].shape != state[key].shape:
            raise WeightsError(
                f"{path}: {key} has shape {tuple(state[key].shape)}, "
                f"its architecture says {tuple(target[name].shape)}."
            )
        if not torch.isfinite(state[key]).all():
            raise WeightsError(f"{path}: {key} holds values that are not finite.")
        target[name].copy_(state[key])
    return encoder


def _from_compressed_vgg19(path: Path, state: State) -> Encoder:
    """The compressed VGG-19: its colour matrix ``conv0`` is folded into the first convolution."""
    convolutions = sorted(key[4:6] for key in state if re.fullmatch(r"conv[1-5]\d\.weight", key))
    blocks = sorted({name[0] for name in convolutions})
    readouts = [name for name in convolutions if f"conv{name}_aux.weight" in state]
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
    matrix, shift = state["conv0.weight"][:, :, 0, 0], state["conv0.bias"]
    first = renamed["conv1_1.weight"]
    renamed["conv1_1.bias"] = renamed["conv1_1.bias"] + torch.einsum("oihw,i->o", first, shift)
    renamed["conv1_1.weight"] = torch.einsum("oihw,ij->ojhw", first, matrix)
    return _fill(path, Encoder(architecture), renamed)

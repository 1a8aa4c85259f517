"""One-pass models in files: one safetensors file with network, predictor, styles and card.

A file is untrusted input: keys and shapes are checked against the description in its metadata
before anything of that size is allocated. What a description says of a network is the business of
its :class:`impasto.networks.kind.NetworkKind`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from impasto.encoders.files import STORED_TYPES
from impasto.errors import WeightsError
from impasto.networks.descriptions import DESCRIPTION_ERRORS, FORMAT, VERSION, check_version
from impasto.networks.descriptions import read_description as read_description
from impasto.networks.kind import NetworkKind
from impasto.networks.model import OnePassModel
from impasto.networks.registry import NETWORKS, network_kind
from impasto.networks.style_predictor import read_predictor
from impasto.runtime.files import atomic_write
from impasto.runtime.safetensors import StateDict, read_safetensors, serialize
from impasto.weights.records import is_file_name

# --- Writing ----------------------------------------------------------------------------------


def save_network(path: str | Path, model: OnePassModel, *, dtype: torch.dtype) -> None:
    """Write a model as one safetensors file, atomically.

    Args:
        path: The file, replaced if there is one.
        model: The model.
        dtype: Of the stored weights (``torch.float16`` halves the file).

    Raises:
        WeightsError: If the file cannot be written.
    """
    state = _state(model)
    if model.styles:
        state["styles"] = torch.stack(list(model.styles.values()))
    # Buffers are measured statistics, too fine for float16; they are few.
    buffers = {
        f"{prefix}{key}" for prefix, module in _modules(model) for key, _ in module.named_buffers()
    }
    stored = {
        key: value.detach().to(torch.float32 if key in buffers else dtype).contiguous()
        for key, value in state.items()
    }
    metadata = {**model.card, "format": FORMAT, "version": VERSION}
    metadata["description"] = json.dumps(describe(model), ensure_ascii=False)
    content = serialize(stored, metadata)
    with atomic_write(Path(path), error=WeightsError) as temporary:
        temporary.write_bytes(content)


def describe(model: OnePassModel) -> dict[str, Any]:
    """The description in a model's file: ``kind``, ``encoder``, ``styles`` and what builds it."""
    entry = network_kind(model.network.kind)
    description = {
        "encoder": model.encoder,
        "styles": list(model.styles),
        "kind": model.network.kind,
        **entry.describe(model.network),
    }
    if model.predictor is not None and entry.style_reader is None:
        description["predictor"] = model.predictor.describe()
    return description


# --- Reading ----------------------------------------------------------------------------------


def load_network(path: str | Path) -> OnePassModel:
    """The model in a file, frozen, float32, on the CPU.

    An encoder that is a file is looked for where the description says, then next to the model.

    Raises:
        WeightsError: If there is no such file, it is not a model of this version, or the model
            needs an encoder whose file is missing.
    """
    path = Path(path)
    state, metadata = read_safetensors(path)
    check_version(path, metadata)
    try:
        description = json.loads(metadata["description"])
        kind = description["kind"]
        if kind not in NETWORKS:
            raise ValueError(f"its kind {kind!r} is not one of {', '.join(NETWORKS)}")
        description["encoder"] = _resolve_encoder(path, description, NETWORKS[kind])
        model = _build(description, NETWORKS[kind], len(state))
        if describe(model) != description:
            raise ValueError("it has entries that are unknown, or of another type")
        _load_state(model, state)
    except DESCRIPTION_ERRORS as error:
        raise WeightsError(f"{path} does not fit its description: {error}") from error
    known = ("format", "version", "description")
    model.card = {key: value for key, value in metadata.items() if key not in known}
    return model.frozen()


def _resolve_encoder(path: Path, description: Mapping[str, Any], entry: NetworkKind) -> Any:
    """The encoder of a description; if it is a file, the absolute path of that file."""
    name = description["encoder"]
    if not isinstance(name, str) or not is_file_name(name):
        return name
    sibling = path.parent / Path(name).name
    # Relative paths start at the model, in older models at the working folder.
    places = (path.parent / name, Path(name), sibling)
    existing = next((place for place in places if os.path.isfile(place)), None)
    if existing is not None:
        return os.path.abspath(existing)
    if entry.style_reader is not None or "predictor" in description:
        raise WeightsError(
            f"{path} needs its encoder {name!r}, which does not exist: put it back, or put a copy "
            f"called {sibling.name!r} next to the model."
        )
    return name  # fixed styles: it was used for training only


def _build(description: Mapping[str, Any], entry: NetworkKind, tensors: int) -> OnePassModel:
    """The model of a description, weights on the meta device or an encoder's."""
    names = [str(name) for name in description["styles"]]
    if len(set(names)) < len(names):
        raise ValueError("two of its styles have the same name")
    network = entry.read(description, tensors)
    model = OnePassModel(network, str(description["encoder"]))
    with torch.device("meta"):
        if entry.style_reader is not None:
            model.predictor = entry.style_reader(network)
        elif "predictor" in description:
            model.predictor = read_predictor(description["predictor"], network.style_size)
        model.styles = {name: torch.empty(network.style_size) for name in names}
    return model


def _load_state(model: OnePassModel, state: Mapping[str, Tensor]) -> None:
    """Load all tensors; each must be expected, and have the right shape and finite values."""
    expected = {key: value.shape for key, value in _state(model).items()}
    if model.styles:
        expected["styles"] = torch.Size([len(model.styles), model.network.style_size])
    if wrong := sorted(set(expected) ^ set(state)):
        raise ValueError(f"missing or unexpected tensors: {', '.join(wrong[:4])} …")
    values = {}
    for key, shape in expected.items():
        value = state[key]
        if value.shape != shape:
            raise ValueError(f"{key} has shape {tuple(value.shape)}, not {tuple(shape)}")
        if value.dtype not in STORED_TYPES or not torch.isfinite(value.float()).all():
            raise ValueError(f"{key} does not hold finite floating-point numbers")
        values[key] = value.float()
    for prefix, module in _modules(model):
        weights = {k.removeprefix(prefix): v for k, v in values.items() if k.startswith(prefix)}
        module.load_state_dict(weights, assign=True)
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if model.styles:
        model.styles = dict(zip(model.styles, values["styles"], strict=True))


def _modules(model: OnePassModel) -> list[tuple[str, nn.Module]]:
    """The modules of a model and the prefixes of their tensors in its file."""
    modules = (("network.", model.network), ("predictor.", model.predictor))
    return [(prefix, module) for prefix, module in modules if module is not None]


def _state(model: OnePassModel) -> StateDict:
    """The tensors of a model's file, but for its styles."""
    return {
        prefix + key: value
        for prefix, module in _modules(model)
        for key, value in module.state_dict().items()
    }

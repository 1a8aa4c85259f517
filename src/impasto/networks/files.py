"""One-pass models in files: network, what its style vectors come from, and a card.

As with encoders, a file is untrusted input: safetensors only, keys and shapes checked against the
description in the metadata before anything is built.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from impasto.encoders.files import STORED_TYPES
from impasto.errors import OptionError, WeightsError, unknown_name
from impasto.networks.adain import AdaINNetwork, MomentsReader
from impasto.networks.base import StyledNetwork
from impasto.networks.johnson import JohnsonNetwork, JohnsonShape
from impasto.networks.paint_network import PaintNetwork, Shape
from impasto.networks.style_predictor import StylePredictor
from impasto.runtime.files import replacing
from impasto.runtime.safetensors import State, read_metadata, read_safetensors
from impasto.weights.open import is_file_name, open_encoder

FORMAT = "impasto.network"
VERSION = "1"

KINDS: Mapping[str, tuple[type, type]] = {
    "paint": (PaintNetwork, Shape),
    "johnson": (JohnsonNetwork, JohnsonShape),
}
"""Kind → the network's class and that of its shape; and ``adain``, whose shape is its encoder's."""

OWN = "photograph"
"""Name of the style vector with which a network of fixed styles leaves a picture as it is."""

_BROKEN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError,
           RuntimeError, OptionError)  # fmt: skip

_MOST_NUMBERS = 1 << 20  # in a description: no honest width or count comes near


@dataclass
class OnePassModel:
    """A network and where its style vectors come from.

    Attributes:
        network: Paints.
        encoder: Name of the encoder that styles are read off and that judged the training, or its
            file.
        predictor: Reads style vectors off pictures; None for a network of fixed styles.
        styles: Style vectors by name, (style_size,) each.
        card: Licence, data, recipe, metrics: text by key.
    """

    network: StyledNetwork
    encoder: str = "compact"
    predictor: StylePredictor | MomentsReader | None = None
    styles: dict[str, Tensor] = field(default_factory=dict)
    card: dict[str, str] = field(default_factory=dict)

    def frozen(self) -> OnePassModel:
        """The model itself, in evaluation mode and without gradients."""
        for module in (self.network, self.predictor):
            if module is not None:
                module.eval().requires_grad_(False)
        return self


def new_model(kind: str, encoder: str, **sizes: Any) -> OnePassModel:
    """An untrained model of the usual size, without styles.

    Args:
        kind: ``"paint"``, ``"johnson"`` or ``"adain"``.
        encoder: Name or file of the encoder.
        sizes: What its shape says otherwise.

    Raises:
        OptionError: For another kind, or a shape that cannot be.
    """
    if kind == "adain":
        network = AdaINNetwork(open_encoder(encoder))
        return OnePassModel(network, encoder, MomentsReader(network.modulated))
    if kind not in KINDS:
        raise unknown_name("kind of network", kind, [*KINDS, "adain"])
    network_class, shape_class = KINDS[kind]
    model: StyledNetwork = network_class(shape_class(**sizes))
    return OnePassModel(model, encoder)


def save_network(path: str | Path, model: OnePassModel, *, dtype: torch.dtype) -> None:
    """Write a model as one safetensors file.

    Args:
        path: Where to; replaced atomically.
        model: What to write.
        dtype: Of the stored weights (``torch.float16`` halves the file).

    Raises:
        WeightsError: If the file cannot be written.
    """
    state: State = _prefixed("network.", model.network)
    if isinstance(model.predictor, StylePredictor):
        state |= _prefixed("predictor.", model.predictor)
    if model.styles:
        state["styles"] = torch.stack(list(model.styles.values()))
    # Statistics that were measured span more than float16 can tell apart; they are few.
    measured = {
        f"{prefix}.{key}"
        for prefix, module in (("network", model.network), ("predictor", model.predictor))
        for key, _ in (module.named_buffers() if module is not None else ())
    }
    stored = {
        key: value.detach().to(torch.float32 if key in measured else dtype).contiguous()
        for key, value in state.items()
    }
    metadata = {**model.card, "format": FORMAT, "version": VERSION}
    metadata["description"] = json.dumps(describe(model), ensure_ascii=False)
    content = save(stored, metadata=metadata)
    with replacing(Path(path), error=WeightsError) as temporary:
        temporary.write_bytes(content)


def load_network(path: str | Path) -> OnePassModel:
    """The model in a file, frozen, float32, on the CPU.

    An encoder that is a file is looked for where the model says, then beside the model.

    Raises:
        WeightsError: If there is no such file, it is no model of this version, or its encoder is a
            file that is not there and that it cannot do without.
    """
    path = Path(path)
    state, metadata = read_safetensors(path)
    _check_version(path, metadata)
    try:
        description = json.loads(metadata["description"])
        description["encoder"] = _found_encoder(path, description)
        model = _build(description, state)
        if describe(model) != description:
            raise ValueError("its values are not of the kinds that they should be")
        _fill(model, state)
    except _BROKEN as error:
        raise WeightsError(f"{path} does not fit its description: {error}") from error
    known = ("format", "version", "description")
    model.card = {key: value for key, value in metadata.items() if key not in known}
    return model.frozen()


def read_description(path: str | Path) -> dict[str, Any]:
    """What a model's file says of itself, its tensors unread: ``kind``, ``styles`` and so on.

    Raises:
        WeightsError: If there is no such file, or it is no model of this version.
    """
    path = Path(path)
    metadata = read_metadata(path)
    _check_version(path, metadata)
    try:
        description = json.loads(metadata["description"])
        return {**description, "styles": [str(name) for name in description["styles"]]}
    except _BROKEN as error:
        raise WeightsError(f"{path} does not describe itself: {error}") from error


def _found_encoder(path: Path, description: Mapping[str, Any]) -> Any:
    """The encoder of a description, if it is a file as the path that it has now."""
    name = description["encoder"]
    if not isinstance(name, str) or not is_file_name(name):
        return name
    beside = path.parent / Path(name).name
    # What is told relatively is told from the model; from the working folder by older models.
    places = (path.parent / name, Path(name), beside)
    found = next((place for place in places if os.path.isfile(place)), None)
    if found is not None:
        return os.path.abspath(found)
    if description["kind"] == "adain" or "predictor" in description:
        raise WeightsError(
            f"{path} needs its encoder {name!r}, which is not there: put it back, or put a copy "
            f"called {beside.name!r} beside the model."
        )
    return name  # it judged the training of fixed styles, and is not needed to paint


def _check_version(path: Path, metadata: Mapping[str, str]) -> None:
    if metadata.get("format") != FORMAT:
        raise WeightsError(
            f"{path} is no one-pass model of Impasto: name a file that `impasto train` made, or a "
            "model of `impasto models list`."
        )
    if metadata.get("version") != VERSION:
        raise WeightsError(
            f"{path} is a model of version {metadata.get('version')}; this Impasto reads version "
            f"{VERSION}: update Impasto or get the file again."
        )


def describe(model: OnePassModel) -> dict[str, Any]:
    """What a model's file says of it: ``kind``, ``shape`` but of AdaIN, ``encoder``, ``styles``."""
    description: dict[str, Any] = {"encoder": model.encoder, "styles": list(model.styles)}
    if isinstance(model.network, AdaINNetwork):
        return {"kind": "adain", **description}
    kind = next(name for name, (cls, _) in KINDS.items() if type(model.network) is cls)
    shape = dataclasses.asdict(model.network.shape)  # type: ignore[call-overload]
    description |= {"kind": kind, "shape": _listed(shape)}
    if isinstance(model.predictor, StylePredictor):
        description["predictor"] = {
            "channels": model.predictor.channels,
            "directions": model.predictor.directions,
            "hidden": model.predictor.hidden,
        }
    return description


def _listed(entries: dict[str, Any]) -> dict[str, Any]:
    """As JSON gives it back: lists for tuples."""
    return {key: list(v) if isinstance(v, tuple) else v for key, v in entries.items()}


def _build(description: dict[str, Any], state: State) -> OnePassModel:
    """A model of the description, on no device: only shapes, whatever sizes are claimed."""
    names = [str(name) for name in description["styles"]]
    if len(set(names)) < len(names):
        raise ValueError("two of its styles have one name")
    if description["kind"] == "adain":
        model = new_model("adain", str(description["encoder"]))
        model.styles = _no_vectors(names, model.network)
        return model
    if description["kind"] not in KINDS:
        raise ValueError(f"unknown kind {description['kind']!r}")
    network_class, shape_class = KINDS[description["kind"]]
    shape = description["shape"]
    _check_numbers(shape)
    blocks = shape["blocks"]
    if sum(blocks if isinstance(blocks, list) else [blocks]) > len(state):
        raise ValueError("it has more blocks than the file has tensors for")
    entries = {key: tuple(v) if isinstance(v, list) else v for key, v in shape.items()}
    with torch.device("meta"):
        network = network_class(shape_class(**entries))
        predictor = None
        if "predictor" in description:
            entry = description["predictor"]
            _check_numbers(entry)
            _check_numbers(entry["channels"])
            channels = {str(name): int(width) for name, width in entry["channels"].items()}
            directions, hidden = int(entry["directions"]), int(entry["hidden"])
            if min([directions, hidden, *channels.values()] if channels else [0]) < 1:
                raise ValueError("its predictor has no size")
            predictor = StylePredictor(
                channels, network.style_size, directions=directions, hidden=hidden
            )
    encoder = str(description["encoder"])
    return OnePassModel(network, encoder, predictor, _no_vectors(names, network))


def _check_numbers(entries: dict[str, Any]) -> None:
    numbers = [n for v in entries.values() for n in (v if isinstance(v, list) else [v])]
    if any(isinstance(n, int) and not 0 <= n < _MOST_NUMBERS for n in numbers):
        raise ValueError("its widths or depths are absurd")


def _no_vectors(names: list[str], network: StyledNetwork) -> dict[str, Tensor]:
    return {name: torch.empty(network.style_size, device="meta") for name in names}


def _fill(model: OnePassModel, state: State) -> None:
    """Put the tensors in their places, none lacking, over, misfitting or not finite."""
    wanted = {key: value.shape for key, value in _prefixed("network.", model.network).items()}
    if isinstance(model.predictor, StylePredictor):
        wanted |= {k: v.shape for k, v in _prefixed("predictor.", model.predictor).items()}
    if model.styles:
        wanted["styles"] = torch.Size([len(model.styles), model.network.style_size])
    if wrong := sorted(set(wanted) ^ set(state)):
        raise ValueError(f"tensors lack or are over: {', '.join(wrong[:4])} …")
    numbers = {}
    for key, shape in wanted.items():
        value = state[key]
        if value.shape != shape:
            raise ValueError(f"{key} has shape {tuple(value.shape)}, not {tuple(shape)}")
        if value.dtype not in STORED_TYPES or not torch.isfinite(value.float()).all():
            raise ValueError(f"{key} does not hold plain finite numbers")
        numbers[key] = value.float()
    for prefix, module in (("network.", model.network), ("predictor.", model.predictor)):
        if module is not None:
            own = {k.removeprefix(prefix): v for k, v in numbers.items() if k.startswith(prefix)}
            module.load_state_dict(own, assign=True)
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if model.styles:
        model.styles = dict(zip(model.styles, numbers["styles"], strict=True))


def _prefixed(prefix: str, module: nn.Module) -> State:
    return {prefix + key: value for key, value in module.state_dict().items()}


def parameter_count(model: OnePassModel) -> int:
    """Numbers in the network, predictor and style vectors."""
    modules = [m for m in (model.network, model.predictor) if m is not None]
    count = sum(math.prod(p.shape) for module in modules for p in module.parameters())
    return count + sum(vector.numel() for vector in model.styles.values())

"""The model in the checkpoint of a training: the moving average of its weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from impasto.errors import InputDataError
from impasto.networks.model import OnePassModel, new_model
from impasto.networks.registry import network_kind
from impasto.networks.style_predictor import STYLE_LAYERS, StylePredictor
from impasto.runtime.torch_files import load_torch
from impasto.training.loop import average_weight
from impasto.weights.open import open_encoder
from impasto.weights.records import WEIGHTS


def open_checkpoint(path: Path) -> OnePassModel:
    """The averaged model of a training of ``impasto train any-style`` or ``multi-style``.

    Args:
        path: The file ``checkpoint.pt`` of the run.

    Raises:
        InputDataError: If it is not a checkpoint of such a training, or its encoder is a file.
    """
    return load_torch(
        path,
        _restore,
        broken=f"{path} is not the checkpoint of a training of a one-pass model.",
        kept=InputDataError,
    )


def _restore(saved: dict[str, Any]) -> OnePassModel:
    settings, average = saved["settings"], saved["task"]["average"]
    encoder = settings["encoder"].partition(" ")[0]
    if encoder not in WEIGHTS:
        raise InputDataError(
            f"The training has an encoder from a file, {encoder}, whose path its checkpoint does "
            "not hold: name the best.safetensors beside the checkpoint."
        )
    weight = average_weight(settings["average"], average["updates"])
    weights = {key: value / weight for key, value in average["sums"].items()}
    model = new_model(settings["network"], encoder, **(settings["shape"] or {}))
    model.network.load_state_dict(_part(weights, "network"))
    if rows := _part(weights, "table"):
        names = settings["styles"].split(", ")
        model.styles = {name: rows[f"rows.{index}"] for index, name in enumerate(names)}
        return model.frozen()
    reader = network_kind(model.network.kind).style_reader
    if reader is not None:
        model.predictor = reader(model.network)
    else:
        opened = open_encoder(encoder)
        channels = {name: opened.channels(name) for name in STYLE_LAYERS}
        model.predictor = StylePredictor(
            channels, model.network.style_size, palette=model.network.palette_size
        )
    model.predictor.load_state_dict(_part(weights, "predictor"))
    return model.frozen()


def _part(weights: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    prefix = f"{name}."
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}

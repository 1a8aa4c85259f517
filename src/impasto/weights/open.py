"""Encoders, and nets of metrics, by name: where a name or a path becomes a net."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import nn

from impasto.encoders.files import load_encoder
from impasto.encoders.vgg import Encoder
from impasto.errors import unknown_name
from impasto.weights.layouts import NETS
from impasto.weights.records import WEIGHTS
from impasto.weights.store import ensure, load_tensors


def open_encoder(name: str | Path, pooling: str = "own") -> Encoder:
    """An encoder, frozen, float32, on the CPU.

    Args:
        name: A name of the registry (fetched once if it is not built in), or the path of an encoder
            file.
        pooling: ``"own"`` (as the file says), ``"max"`` or ``"average"``.

    Raises:
        WeightsError: If the weights are missing, broken or cannot be fetched.
        OptionError: For a name that is neither in the registry nor a file.
    """
    encoders = [known for known, record in WEIGHTS.items() if record.kind == "encoder"]
    if str(name) in encoders:
        encoder = load_encoder(ensure(str(name)))
    elif is_file_name(name):
        encoder = load_encoder(name)
    else:
        raise unknown_name("encoder", str(name), [*encoders, "FILE.safetensors"])
    return encoder if pooling == "own" else encoder.with_pooling(pooling).frozen()


def is_file_name(name: str | Path) -> bool:
    """Whether an encoder's name is the path of a file, not a name of the registry."""
    return Path(name).suffix == ".safetensors"


def lasting_name(name: str | Path) -> str:
    """An encoder's name as it can be kept: the same in whatever folder it is read again."""
    return os.path.abspath(name) if is_file_name(name) else str(name)


def open_metric_net(name: str) -> nn.Module:
    """A net that only metrics see with, frozen, float32, on the CPU; fetched once.

    Args:
        name: A name of the registry: ``"alexnet"`` or ``"art-inception"``.

    Raises:
        WeightsError: If the weights are missing, broken or cannot be fetched.
    """
    tensors = load_tensors(name)
    with torch.device("meta"):  # all that it holds is in the file
        net = NETS[WEIGHTS[name].layout]()
    net.load_state_dict(tensors, assign=True)
    return net.eval().requires_grad_(False)

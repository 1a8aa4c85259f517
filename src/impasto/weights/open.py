"""Opening encoders and metric networks by name, and registering encoders of other packages."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import torch
from torch import nn

from impasto.encoders.files import load_encoder
from impasto.encoders.protocol import EncoderLike, FeatureExtractor, as_feature_extractor
from impasto.encoders.vgg import Encoder
from impasto.errors import OptionError, option, unknown_name
from impasto.runtime.devices import CPU
from impasto.runtime.in_memory import gone, kind_of_label
from impasto.runtime.precision import moved
from impasto.runtime.registry import Registry
from impasto.weights.layouts import NETS
from impasto.weights.records import WEIGHTS
from impasto.weights.records import is_file_name as is_file_name
from impasto.weights.store import ensure, load_tensors, locate

Extractor = TypeVar("Extractor", bound=FeatureExtractor)

EncoderOpener = Callable[[], EncoderLike]
"""Returns an :class:`impasto.Encoder`, or any function of (image, layer names)."""


def _built_in(name: str) -> EncoderOpener:
    return lambda: load_encoder(ensure(name))


_CALLABLE = cast("type[EncoderOpener]", Callable)  # for isinstance

ENCODERS: Registry[EncoderOpener] = Registry(
    "encoder",
    _CALLABLE,
    "impasto.encoders",
    {name: _built_in(name) for name, record in WEIGHTS.items() if record.kind == "encoder"},
)
"""Openers of encoders by name: built-in, registered, and those of installed packages."""


def register_encoder(name: str, opener: EncoderOpener) -> None:
    """Add an encoder; recipes accept its name from then on.

    A plain function serves :class:`impasto.Painter`; training and metrics need an
    :class:`impasto.Encoder`.

    An installed package can declare it instead, as an entry point of the group
    ``impasto.encoders`` whose object is the opener.

    Args:
        name: Its name in recipes and on the command line.
        opener: Called without arguments whenever the encoder is opened.

    Raises:
        OptionError: If another encoder has that name, or ``opener`` cannot be called.
    """
    if is_file_name(name):
        raise OptionError(f"An encoder cannot be named '{name}', which is the name of a file.")
    ENCODERS.register(name, opener)


def open_feature_extractor(
    name: str | Path | EncoderLike,
    pooling: str = "own",
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device = CPU,
) -> FeatureExtractor:
    """An encoder of any kind by name, see :func:`open_encoder`, or the encoder itself.

    Args:
        name: As there; or an :class:`impasto.Encoder`, which is copied, or any function of (image,
            layer names).
        pooling: As there; only ``"own"`` if it is not an :class:`impasto.Encoder`.
        dtype: Type of the weights of an :class:`impasto.Encoder`; other encoders choose theirs.
        device: Where it computes; a function must do so by itself.
    """
    if isinstance(name, str | Path):
        encoder = _opened(name)
    else:
        encoder, name = name, getattr(name, "__name__", type(name).__name__)
        if isinstance(encoder, Encoder):
            encoder = copy.deepcopy(encoder)  # the caller's stays as it is
    if isinstance(encoder, Encoder):
        encoder = _with_pooling(encoder, pooling)
        return moved(encoder, device, dtype)
    if pooling != "own":
        raise OptionError(f"The pooling of the encoder '{name}' cannot be changed: leave it 'own'.")
    return on_device(as_feature_extractor(encoder), device)


def choose_encoder(name: str) -> str:
    """The encoder that a name such as ``"vgg19 or compact"`` stands for; other names as they are.

    It is the first whose weights are on this machine, else the last.
    """
    names = name.split(" or ")
    return next((one for one in names if one in ENCODERS and _is_here(one)), names[-1])


def substitute_notice(name: str) -> str:
    """What to tell a person if :func:`choose_encoder` does not choose the first; else empty."""
    first, chosen = name.partition(" or ")[0], choose_encoder(name)
    if chosen == first:
        return ""
    size = f" ({WEIGHTS[first].bytes / 1e6:.0f} MB)" if first in WEIGHTS else ""
    return (
        f"The recipe's encoder {first} is not on this machine: {chosen}, a small network that was "
        f"trained to see like it, is used, so the picture is near to the recipe's but not the "
        f"same. {option('encoder')} {first} downloads it once{size}."
    )


def _is_here(name: str) -> bool:
    return name not in WEIGHTS or locate(name) is not None


def on_device(encoder: Extractor, device: torch.device) -> Extractor:
    """The encoder itself, or a copy on the device if it is a module somewhere else."""
    module: object = encoder
    if isinstance(module, nn.Module):
        parameters = [*module.parameters(), *module.buffers()]
        if any(parameter.device != device for parameter in parameters):
            return cast("Extractor", moved(copy.deepcopy(module), device))
    return encoder


def open_encoder(name: str | Path, pooling: str = "own") -> Encoder:
    """A VGG-shaped encoder by name: frozen, float32, on the CPU.

    Args:
        name: A name in ``ENCODERS`` (downloaded once if necessary), or the path of an encoder file.
        pooling: ``"own"`` (as in the file), ``"max"`` or ``"average"``.

    Raises:
        WeightsError: If the weights are missing or damaged, or cannot be downloaded.
        OptionError: For a name that is neither in ``ENCODERS`` nor a file, or an encoder that is
            not an :class:`impasto.Encoder`.
    """
    encoder = _opened(name)
    if not isinstance(encoder, Encoder):
        raise OptionError(f"The encoder '{name}' is a function; an impasto.Encoder is needed here.")
    return _with_pooling(encoder, pooling)


def absolute_name(name: str | Path) -> str:
    """An encoder's name that is valid in any working folder: paths are made absolute."""
    return os.path.abspath(name) if is_file_name(name) else str(name)


def open_metric_net(name: str) -> nn.Module:
    """A network that only metrics use: frozen, float32, on the CPU; downloaded once.

    Args:
        name: ``"alexnet"`` or ``"art-inception"``.

    Raises:
        WeightsError: If the weights are missing or damaged, or cannot be downloaded.
    """
    tensors = load_tensors(name)
    with torch.device("meta"):  # all its tensors are in the file
        net = NETS[WEIGHTS[name].layout]()
    net.load_state_dict(tensors, assign=True)
    return net.eval().requires_grad_(False)


def _opened(name: str | Path) -> EncoderLike:
    if is_file_name(name):
        return load_encoder(name)
    if kind_of_label(str(name)):
        raise gone(str(name))
    name = choose_encoder(str(name))
    if str(name) not in ENCODERS:
        raise unknown_name("encoder", str(name), [*ENCODERS, "FILE.safetensors"])
    encoder = ENCODERS[str(name)]()
    # An opener of a program may give the same object each time: that stays as it is.
    is_shared = isinstance(encoder, Encoder) and name not in WEIGHTS
    return copy.deepcopy(encoder) if is_shared else encoder


def _with_pooling(encoder: Encoder, pooling: str) -> Encoder:
    return (encoder if pooling == "own" else encoder.with_pooling(pooling)).frozen()

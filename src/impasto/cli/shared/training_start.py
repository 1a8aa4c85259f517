"""The model that ``impasto train`` starts with: a new network of some kind, or a trained model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import torch

from impasto.cli.shared.training_options import DEFAULT_KIND, listed
from impasto.encoders.vgg import Encoder
from impasto.errors import OptionError
from impasto.networks.catalogue import open_network
from impasto.networks.files import describe
from impasto.networks.model import OnePassModel, new_model
from impasto.networks.net2net import deepened_network, noisy_network, recolouring_network
from impasto.networks.recolour_network import RecolourNetwork
from impasto.networks.registry import NETWORKS, network_kind
from impasto.training.crops import digest_of
from impasto.training.settings import PRESET_KINDS, preset_fits
from impasto.weights.open import open_encoder

_SIZES = "blocks", "noise", "widths", "norm"
"""Options that are sizes of a network, for the kinds that have them."""

_ADDED = "blocks", "noise"
"""Sizes that can be added to a trained model."""


class StartingModel(NamedTuple):
    """A model to train, and what distinguishes it from others.

    Attributes:
        model: Its network requires gradients.
        checkpoint_settings: Kind, shape, and a digest of the trained model that it was, if any.
    """

    model: OnePassModel
    checkpoint_settings: dict[str, Any]


def check(args: argparse.Namespace) -> None:
    """Refuse options that contradict each other, before a model is opened."""
    start, add_style = args.start, args.add_style
    if start is not None and add_style is not None:
        raise OptionError(
            "--start trains a whole model and --add-style a vector of one: give one of them."
        )
    added = [name for name in _given_sizes(args) if name in _ADDED]
    if added and add_style is not None:
        raise OptionError(f"--add-style trains a vector alone: leave --{added[0]} out.")
    fixed = [name for name in _given_sizes(args) if name not in _ADDED]
    if fixed and (start or add_style):
        raise OptionError(f"A trained model keeps its {fixed[0]}: leave --{fixed[0]} out.")
    kind = args.network or (DEFAULT_KIND if not start and not add_style else None)
    if kind is not None:
        _sizes(kind, args)
        if not preset_fits(args.preset, kind):
            preset, only = next(
                pair for pair in PRESET_KINDS.items() if args.preset in pair or kind in pair
            )
            raise OptionError(f"--network {only} and --preset {preset} belong together: give both.")
    kind = args.network or PRESET_KINDS.get(args.preset)
    if kind and network_kind(kind).style_reader and args.what != "any-style":
        raise OptionError(
            f"Networks of kind {kind} paint any style: impasto train any-style, not {args.what}."
        )


def starting_model(args: argparse.Namespace, encoder: Encoder, seed: int) -> StartingModel:
    """The model that training starts with.

    Args:
        args: The options; ``encoder`` is the encoder's name as a model's file keeps it.
        encoder: The encoder itself.
        seed: Of new weights.

    Raises:
        OptionError: If the options do not fit the model that they name, or each other.
    """
    start = args.add_style or args.start
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if start is None:
            kind, source = args.network or DEFAULT_KIND, None
            model = new_model(kind, args.encoder, **_sizes(kind, args))
        else:
            model = _open(start, args, encoder)
            source = f"{Path(start).stem} ({_model_digest(model)})"
            sizes = _sizes(model.network.kind, args)
            if "blocks" in sizes:
                model = deepened_network(model, sizes["blocks"])
            if "noise" in sizes:
                model = noisy_network(model, sizes["noise"])
    model.network.requires_grad_(True).train()
    settings = {"network": model.network.kind, "shape": describe(model).get("shape")}
    return StartingModel(model, {**settings, "beginning model": source})


def _open(start: str, args: argparse.Namespace, encoder: Encoder) -> OnePassModel:
    model = open_network(start)
    recolours = RecolourNetwork.kind
    if args.network == recolours != model.network.kind:
        model = recolouring_network(model)
    kind = model.network.kind
    if args.network not in (None, kind):
        raise OptionError(f"{start} is of kind {kind}: leave --network {args.network} out.")
    if not preset_fits(args.preset, kind):
        raise OptionError(
            f"{start} does not fit --preset {args.preset}: networks of kind "
            f"{', '.join(PRESET_KINDS.values())} have a preset of their own."
        )
    if model.predictor is not None and not _same_encoder(model.encoder, args.encoder, encoder):
        raise OptionError(f"{start} reads styles with another encoder: --encoder {model.encoder}.")
    return model


def _same_encoder(model_encoder: str, name: str, encoder: Encoder) -> bool:
    """Whether a model's encoder is the given one, be it another copy of its file."""
    return model_encoder == name or encoder_digest(open_encoder(model_encoder)) == encoder_digest(
        encoder
    )


def encoder_digest(encoder: Encoder) -> str:
    """A digest of an encoder's weights, whatever its file is called."""
    return digest_of(encoder.state_dict().values())


def _model_digest(model: OnePassModel) -> str:
    """A digest of all weights, those of the styles included."""
    parts = [m.state_dict() for m in (model.network, model.predictor) if m is not None]
    return digest_of(weight for part in (*parts, model.styles) for weight in part.values())


def _given_sizes(args: argparse.Namespace) -> list[str]:
    return [name for name in _SIZES if getattr(args, name) is not None]


def _sizes(kind: str, args: argparse.Namespace) -> dict[str, Any]:
    """The sizes of a network that were given as options, as its kind takes them."""
    defaults = network_kind(kind).sizes
    sizes = {}
    for name in _given_sizes(args):
        if name not in defaults:
            kinds = " or ".join(k for k, kind in NETWORKS.usable().items() if name in kind.sizes)
            raise OptionError(
                f"--{name} is of --network {kinds}: give that, or leave --{name} out."
            )
        value, default = getattr(args, name), defaults[name]
        if isinstance(value, tuple):
            numbers = default if isinstance(default, tuple) else (default,)
            if len(value) != len(numbers):
                count = f"{len(numbers)} number{'s' if len(numbers) > 1 else ''}"
                raise OptionError(
                    f"--{name} of {kind} is {count}, for example {listed(numbers)}, "
                    f"not {listed(value)}."
                )
            value = value if isinstance(default, tuple) else value[0]
        sizes[name] = value
    return sizes

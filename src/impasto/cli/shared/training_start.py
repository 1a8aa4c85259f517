"""What ``impasto train`` begins with: a new network of some kind and size, or a trained model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import torch

from impasto.encoders.vgg import Encoder
from impasto.errors import OptionError
from impasto.networks.adain import AdaINNetwork
from impasto.networks.catalogue import open_network
from impasto.networks.files import KINDS, OnePassModel, describe, new_model
from impasto.networks.johnson import NORMS, JohnsonShape
from impasto.networks.net2net import deepened_network
from impasto.networks.paint_network import Shape
from impasto.training.crops import digest_of
from impasto.weights.open import open_encoder

_ALONE_JOHNSONS = "norm", "widths"


class StartingModel(NamedTuple):
    """A model to train, and what tells it from others, for the checkpoint.

    Attributes:
        model: Whose network wants gradients.
        told: Kind, shape, and a digest of the trained model that it was, if it was one.
    """

    model: OnePassModel
    told: dict[str, Any]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of the network; ``--add-style`` is the caller's."""
    add = parser.add_argument
    paint, johnson = Shape(), JohnsonShape()
    add("--network", choices=(*KINDS, "adain"), help="[paint, or that of --start]")
    add("--start", metavar="MODEL", help="begin with the weights of a trained model")
    add("--blocks", metavar="D,S,U|N", type=_numbers,
        help=f"paint: at 1/8, 1/16, 1/8; may deepen --start [{_listed(paint.blocks)}]; "
             f"johnson: at 1/4 [{johnson.blocks}]")  # fmt: skip
    add("--widths", metavar="A,B,C", type=_numbers,
        help=f"johnson: channels at 1/1, 1/2, 1/4 [{_listed(johnson.widths)}]")  # fmt: skip
    add("--norm", choices=NORMS, help=f"johnson: what is normalized by [{johnson.norm}]")


def check(args: argparse.Namespace) -> None:
    """Refuse options that do not go together, as far as can be told before a model is opened."""
    start, add_style = args.start, args.add_style
    if start is not None and add_style is not None:
        raise OptionError(
            "--start trains a whole model and --add-style a vector of one: give one of them."
        )
    if args.blocks is not None and add_style is not None:
        raise OptionError("--add-style trains a vector alone: leave --blocks out.")
    given = [name for name in _ALONE_JOHNSONS if getattr(args, name) is not None]
    if given and (start or add_style):
        raise OptionError(f"A trained model keeps its {given[0]}: leave --{given[0]} out.")
    if given and args.network != "johnson":
        raise OptionError(
            f"--{given[0]} is of --network johnson: give that, or leave --{given[0]} out."
        )
    if args.network == "adain" and args.blocks is not None:
        raise OptionError("--blocks are those of paint and johnson: leave --blocks out.")
    if args.widths is not None and len(args.widths) != 3:
        raise OptionError(
            f"--widths are three numbers, for example 32,64,128, not {_listed(args.widths)}."
        )
    named = args.network or ("paint" if not start and not add_style else None)
    if named is not None and (named == "adain") != (args.preset == "adain"):
        raise OptionError("--network adain and --preset adain belong together: give both.")
    if "adain" in (args.network, args.preset) and args.what != "any-style":
        raise OptionError(f"AdaIN paints any style: impasto train any-style, not {args.what}.")


def beginning(args: argparse.Namespace, encoder: Encoder, seed: int) -> StartingModel:
    """The model that training begins with.

    Args:
        args: Whose ``encoder`` names the encoder as it can be kept.
        encoder: The encoder itself.
        seed: Of new weights.

    Raises:
        OptionError: If the options do not fit the model that they name, or one another.
    """
    start = args.add_style or args.start
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if start is None:
            model, begun = _new(args), None
        else:
            model = _opened(start, args, encoder)
            begun = f"{Path(start).stem} ({_digest(model)})"
            if args.blocks is not None:
                model = deepened_network(model, _three(args.blocks))
    model.network.requires_grad_(True).train()
    known = describe(model)
    told = {"network": known["kind"], "shape": known.get("shape"), "beginning model": begun}
    return StartingModel(model, told)


def _new(args: argparse.Namespace) -> OnePassModel:
    kind, sizes = args.network or "paint", {}
    if args.blocks is not None:
        sizes["blocks"] = _three(args.blocks) if kind == "paint" else _one(args.blocks)
    sizes |= {
        name: getattr(args, name) for name in _ALONE_JOHNSONS if getattr(args, name) is not None
    }
    return new_model(kind, args.encoder, **sizes)


def _opened(start: str, args: argparse.Namespace, encoder: Encoder) -> OnePassModel:
    model = open_network(start)
    kind = describe(model)["kind"]
    if args.network not in (None, kind):
        raise OptionError(f"{start} is of kind {kind}: leave --network {args.network} out.")
    if args.blocks is not None and kind != "paint":
        raise OptionError("Blocks are added to networks of kind paint only: leave --blocks out.")
    if isinstance(model.network, AdaINNetwork) != (args.preset == "adain"):
        raise OptionError(f"{start} does not fit --preset {args.preset}: AdaIN needs its own.")
    if model.predictor is not None and not _same(model.encoder, args.encoder, encoder):
        raise OptionError(f"{start} reads styles with another encoder: --encoder {model.encoder}.")
    return model


def _same(own: str, name: str, encoder: Encoder) -> bool:
    """Whether a model's own encoder is the given one, be it another copy of its file."""
    return own == name or encoder_digest(open_encoder(own)) == encoder_digest(encoder)


def encoder_digest(encoder: Encoder) -> str:
    """What tells an encoder from others, whatever its file is called."""
    return digest_of(encoder.state_dict().values())


def _digest(model: OnePassModel) -> str:
    """Of all its weights: those of the network alone would leave the styles out."""
    parts = [m.state_dict() for m in (model.network, model.predictor) if m is not None]
    return digest_of(weight for part in (*parts, model.styles) for weight in part.values())


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not whole numbers with commas between, for example 1,5,2"
        ) from None


def _three(blocks: tuple[int, ...]) -> tuple[int, int, int]:
    if len(blocks) != 3:
        raise OptionError(
            f"--blocks of paint are three numbers, for example 1,5,2, not {_listed(blocks)}."
        )
    return blocks[0], blocks[1], blocks[2]


def _one(blocks: tuple[int, ...]) -> int:
    if len(blocks) != 1:
        raise OptionError(
            f"--blocks of johnson is one number, for example 5, not {_listed(blocks)}."
        )
    return blocks[0]


def _listed(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))

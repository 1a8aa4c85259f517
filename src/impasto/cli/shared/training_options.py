"""Options that all trainings have, and those of the network that one starts with."""

from __future__ import annotations

import argparse
from pathlib import Path

from impasto.cli.shared.device_option import add_device
from impasto.cli.shared.parser import under
from impasto.cli.shared.save_options import add_overwrite
from impasto.networks.registry import NETWORKS
from impasto.networks.shapes import NORMS, JohnsonShape, PaintShape
from impasto.recipes.choices import PRECISIONS
from impasto.training.settings import HOLD_BACK_FROM


def add_training_options(parser: argparse.ArgumentParser, *, steps: int, precision: str) -> None:
    """Add the options that all trainings have.

    Args:
        parser: Parser of the command.
        steps: Default number of steps.
        precision: The precision that the help shows as the default.
    """
    add = under(parser, "Optimization").add_argument
    add("--steps", type=int, default=steps, metavar="N", help=f"number of steps [{steps}]")
    add("--precision", choices=PRECISIONS, help=f"of the convolutions [{precision}: the faster]")
    add("--seed", type=int, default=0, metavar="N", help="seed of everything random [0]")
    run = under(parser, "This run")
    add = run.add_argument
    add("--run", metavar="DIR", type=Path, help="folder of checkpoint, log and sheets [OUT-run/]")
    add_device(run, auto="CUDA or XPU if there is one")
    add("--tensorboard", action="store_true", help="also write TensorBoard's files")
    add("--hold-back", action=argparse.BooleanOptionalAction,
        help="keep an eighth of the pictures out of training, to look at [networks: of folders of "
             f"{HOLD_BACK_FROM} or more; encoders: none]")  # fmt: skip
    add_overwrite(run)
    add("--quiet", action="store_true", help="show no progress")


DEFAULT_KIND = "paint"
"""The network of a training that names none and begins with no other model."""


def add_network_options(group: argparse._ActionsContainer) -> None:
    """Add the options of the network; ``--add-style`` is the caller's."""
    add = group.add_argument
    paint, johnson = PaintShape(), JohnsonShape()
    add("--network", choices=tuple(NETWORKS), help=f"[{DEFAULT_KIND}, or that of --start]")
    add("--start", metavar="MODEL", help="begin with the weights of a trained model")
    add("--blocks", metavar="D,S,U|N", type=_numbers,
        help=f"paint: at 1/8, 1/16, 1/8; may deepen --start [{listed(paint.blocks)}]; "
             f"johnson: at 1/4 [{johnson.blocks}]")  # fmt: skip
    add("--noise", metavar="N", type=_numbers,
        help="paint, recolour: maps of noise, from which strokes can come into even skies; may be "
             f"added to --start [{paint.noise}]")  # fmt: skip
    add("--widths", metavar="A,B,C", type=_numbers,
        help=f"johnson: channels at 1/1, 1/2, 1/4 [{listed(johnson.widths)}]")  # fmt: skip
    add("--norm", choices=NORMS, help=f"johnson: what is normalized by [{johnson.norm}]")


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not whole numbers with commas between, for example 1,5,2"
        ) from None


def listed(numbers: tuple[int, ...]) -> str:
    """Numbers as the option takes them: ``1,4,2``."""
    return ",".join(map(str, numbers))

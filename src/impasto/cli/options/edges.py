"""Options of ``impasto edges``."""

from __future__ import annotations

import argparse
from pathlib import Path

from impasto.cli.shared.limits import add_max_pixels
from impasto.cli.shared.save_options import add_overwrite

EXAMPLES = """\
examples:
  impasto edges photo.jpg painting.jpg -o edges.png
  impasto edges out.png --content photo.jpg -o lines.png
  impasto edges painted/ --content photo.jpg --json

A map is black where the picture is flat, and white where the luma changes by
0.25 or more per pixel. In a difference, the result has added red edges and
lost blue ones.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``edges``."""
    add = parser.add_argument
    add("pictures", nargs="+", metavar="IMAGE", type=Path, help="pictures, or folders of pictures")
    add("-o", "--output", metavar="SHEET", type=Path, help="write a contact sheet")
    add("--content", metavar="PHOTO", type=Path, help="the photograph they were painted from")
    add("--size", type=int, default=512, metavar="N",
        help="downscale larger pictures to this long side [512]")  # fmt: skip
    add_max_pixels(parser)
    add_overwrite(parser)
    add("--json", action="store_true", help="print JSON")

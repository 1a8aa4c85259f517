"""Options of ``impasto demo``."""

from __future__ import annotations

import argparse
from pathlib import Path

from impasto.cli.shared.device_option import add_device
from impasto.cli.shared.save_options import add_overwrite

EXAMPLES = """\
example:
  impasto demo
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``demo``."""
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, default=Path("out"),
                        help="folder to write to [out/]")  # fmt: skip
    parser.add_argument("--size", type=int, default=512, metavar="N", help="long side [512]")
    add_overwrite(parser)
    add_device(parser)
    parser.add_argument("--quiet", action="store_true", help="show no progress")

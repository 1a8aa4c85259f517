"""Options of ``impasto rerun``."""

from __future__ import annotations

import argparse

from impasto.cli.shared.run_options import add_report_option, add_run_options

EXAMPLES = """\
examples:
  impasto rerun out.png -o again.png
  impasto rerun out.png -o large.png --size 2048
  impasto rerun out.png --show
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``rerun``."""
    parser.usage = "impasto rerun PICTURE -o OUT [options]"
    parser.add_argument("picture", metavar="PICTURE", help="a picture that Impasto painted")
    parser.add_argument("-o", "--output", metavar="OUT", help="the file to write")
    parser.add_argument("--size", type=int, metavar="N", help="long side in pixels, if another")
    parser.add_argument("--show", action="store_true", help="only print the request")
    add_report_option(add_run_options(parser))

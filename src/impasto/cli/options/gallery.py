"""Options of ``impasto gallery``."""

from __future__ import annotations

import argparse
from pathlib import Path

from impasto.cli.shared.limits import add_max_pixels
from impasto.cli.shared.save_options import add_overwrite

EXAMPLES = """\
examples:
  impasto gallery out/
  impasto gallery out/ -o out/index.html

The page works offline. It embeds small pictures and links to the files.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``gallery``."""
    add = parser.add_argument
    add("folder", metavar="DIR", type=Path, help="folder of results, searched with its subfolders")
    add("-o", "--output", metavar="PAGE", type=Path, help="the page to write [DIR/gallery.html]")
    add_max_pixels(parser)
    add_overwrite(parser)
    add("--quiet", action="store_true", help="show no progress")

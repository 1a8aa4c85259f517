"""Options of ``impasto web``."""

from __future__ import annotations

import argparse
from pathlib import Path

from impasto.cli.shared.save_options import add_overwrite
from impasto.export.options import PRECISIONS

EXAMPLES = """\
examples:
  impasto web build -o site/
  impasto web build -o site/ --model multi --overwrite

The folder is a static site: put it on any web server, or look at it with
`python -m http.server --bind 127.0.0.1 --directory site`. Pictures are painted
in the visitor's browser and never leave it. See docs/browser.md.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the commands of ``web`` to its parser."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    build = commands.add_parser(
        "build",
        help="write a static site that paints in the browser",
        description="Write a static site that paints in the browser.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = build.add_argument
    add("-o", "--output", metavar="DIR", type=Path, required=True, help="the folder to write")
    add("--model", nargs="+", default=[], metavar="NAME|FILE",
        help="one-pass models of the site [all that are installed]")  # fmt: skip
    add("--precision", choices=PRECISIONS, default="float16",
        help="of the models; in int8 they are half as large, and pictures differ a little "
             "[float16]")  # fmt: skip
    add("--webgpu", metavar="DIR", type=Path,
        help="the folder dist of the npm package onnxruntime-web: the site can use graphics "
             "processors, too [only the processor]")  # fmt: skip
    add_overwrite(build)
    add("--quiet", action="store_true", help="show no progress")
    add("--json", action="store_true", help="print the description of the site as JSON")
    build.set_defaults(web_command="build")

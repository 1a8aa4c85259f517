"""``impasto paint``: paint a picture in the manner of one or more others."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from impasto.cli.shared.limits import SIZE_REMARK
from impasto.cli.shared.recipe_options import (
    add_recipe_options,
    parse_styles,
    recipe_from,
)
from impasto.cli.shared.run_options import Job, add_report_option, add_run_options, paint_to_file

if TYPE_CHECKING:
    pass

EXAMPLES = """\
examples:
  impasto paint photo.jpg painting.jpg -o out.png
  impasto paint photo.jpg painting.jpg -o big.png --size 1536 --style-weight 2
  impasto paint photo.jpg monet.jpg:0.7 hokusai.jpg:0.3 -o mixed.png
  impasto paint photo.jpg painting.jpg -o out.png --snapshots 40 --snapshots-to growth.gif
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``paint``."""
    parser.usage = "impasto paint CONTENT STYLE [STYLE …] -o OUT [options]"
    parser.add_argument("content", metavar="CONTENT", help="the picture to paint")
    parser.add_argument(
        "styles", metavar="STYLE", nargs="*",
        help="the picture to paint like; PATH:WEIGHT to mix, coarse=PATH fine=PATH for levels",
    )  # fmt: skip
    parser.add_argument("--style", dest="more_styles", action="append", default=[],
                        metavar="STYLE", help="the same, as an option")  # fmt: skip
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="the picture to make")
    group = parser.add_argument_group("areas")
    group.add_argument("--mask", metavar="FILE", help="label picture: one colour a region")
    group.add_argument("--style-mask", metavar="FILE", help="the same of the style picture")
    group.add_argument(
        "--region", dest="regions", action="append", default=[], metavar="REGION",
        help="sky=MASK@STYLE, sky=MASK:STYLEMASK or face=MASK to keep it",
    )  # fmt: skip
    add_recipe_options(parser, remarks=SIZE_REMARK)
    add_report_option(add_run_options(parser))


def run(args: argparse.Namespace) -> int:
    """Paint, and return the exit code."""
    styles = parse_styles([*args.styles, *args.more_styles])
    job = Job(
        args.content, styles, recipe_from(args), args.mask, args.style_mask, tuple(args.regions)
    )
    return paint_to_file(job, args)

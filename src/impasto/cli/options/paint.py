"""Options of ``impasto paint``."""

from __future__ import annotations

import argparse

from impasto.cli.shared.limits import SIZE_REMARK
from impasto.cli.shared.recipe_options import add_recipe_options
from impasto.cli.shared.run_options import add_report_option, add_run_options

EXAMPLES = """\
examples:
  impasto paint photo.jpg painting.jpg -o out.png
  impasto paint photo.jpg painting.jpg -o big.png --size 1536 --style-weight 2
  impasto paint photo.jpg monet.jpg:0.7 hokusai.jpg:0.3 -o mixed.png
  impasto paint photo.jpg painting.jpg -o out.png \\
      --snapshots 40 --snapshots-to growth.gif
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``paint``."""
    parser.usage = "impasto paint CONTENT STYLE [STYLE …] -o OUT [options]"
    parser.add_argument("content", metavar="CONTENT", help="the picture to paint")
    parser.add_argument(
        "styles", metavar="STYLE", nargs="*",
        help="the style picture; PATH:WEIGHT to mix several, coarse=PATH fine=PATH for levels",
    )  # fmt: skip
    parser.add_argument("--style", dest="more_styles", action="append", default=[],
                        metavar="STYLE", help="a style picture, as an option")  # fmt: skip
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="the file to write")
    group = parser.add_argument_group("regions")
    group.add_argument("--mask", metavar="FILE", help="label picture: one colour per region")
    group.add_argument(
        "--style-mask", metavar="FILE", help="that of the style, in the same colours"
    )
    group.add_argument(
        "--region", dest="regions", action="append", default=[], metavar="REGION",
        help="sky=MASK@STYLE, sky=MASK:STYLEMASK, or face=MASK to keep the face",
    )  # fmt: skip
    add_recipe_options(parser, remarks=SIZE_REMARK)
    add_report_option(add_run_options(parser))

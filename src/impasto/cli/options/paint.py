"""Options of ``impasto paint``."""

from __future__ import annotations

from impasto.cli.shared.limits import SIZE_REMARK
from impasto.cli.shared.parser import Parser, under
from impasto.cli.shared.recipe_options import add_recipe_options
from impasto.cli.shared.region_options import add_region_options
from impasto.cli.shared.run_options import add_report_option, add_run_options
from impasto.cli.shared.save_options import add_format

EXAMPLES = """\
examples:
  impasto paint photo.jpg painting.jpg -o out.png
  impasto paint photo.jpg painting.jpg -o big.png --size 1536 --style-weight 2
  impasto paint photo.jpg monet.jpg:0.7 hokusai.jpg:0.3 -o mixed.png
  impasto paint a.jpg b.jpg holiday/ --style painting.jpg -o painted/
  impasto paint photo.jpg --style paintings/ -o painted/
  impasto paint photo.jpg painting.jpg -o out.png \\
      --snapshots 40 --snapshots-to growth.gif
"""


def configure(parser: Parser) -> None:
    """Add the options of ``paint``."""
    parser.usage = (
        "impasto paint CONTENT STYLE [STYLE …] -o OUT [options]\n"
        "       impasto paint CONTENT [CONTENT …] --style STYLE -o FOLDER [options]"
    )
    parser.add_argument("content", metavar="CONTENT", help="the picture to paint, or a folder")
    parser.add_argument(
        "styles", metavar="STYLE", nargs="*",
        help="the style picture; PATH:WEIGHT to mix several, coarse=PATH fine=PATH for levels; "
             "a folder for each of its pictures in turn",
    )  # fmt: skip
    style = under(parser, "Style")
    style.add_argument("--style", dest="more_styles", action="append", default=[],
                       metavar="STYLE",
                       help="the style as an option; with -o FOLDER all other pictures are "
                            "photographs")  # fmt: skip
    parser.add_argument("-o", "--output", metavar="OUT", required=True,
                        help="the file to write, or a folder, in which names are kept")  # fmt: skip
    add_region_options(under(parser, "Regions"))
    add_recipe_options(parser, remarks=SIZE_REMARK)
    run = add_run_options(parser)
    add_report_option(run)
    add_format(run)
    parser.show_first("output", "style_weight", "style_scale", "strength", "size", "content_weight",
                      "regions", "colour", "recipe", "overwrite")  # fmt: skip

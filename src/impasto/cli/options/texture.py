"""Options of ``impasto texture``."""

from __future__ import annotations

from impasto.cli.shared.parser import Parser
from impasto.cli.shared.recipe_options import add_recipe_options
from impasto.cli.shared.run_options import add_run_options
from impasto.jobs.as_command import OF_CONTENT

EXAMPLES = """\
examples:
  impasto texture painting.jpg -o texture.png --size 1024x512
  impasto texture painting.jpg -o tile.png --size 512 --tileable
  impasto texture painting.jpg -o fine.png --style-scale 0.5
"""


def configure(parser: Parser) -> None:
    """Add the options of ``texture``."""
    parser.usage = "impasto texture STYLE [STYLE …] -o OUT [options]"
    parser.add_argument("styles", metavar="STYLE", nargs="+",
                        help="the style picture; several are mixed, as PATH:WEIGHT")  # fmt: skip
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="the file to write")
    parser.add_argument("--size", dest="canvas", metavar="WxH", default="512",
                        help="width and height, or one number for a square [512]")  # fmt: skip
    parser.add_argument("--tileable", action="store_true", help="make opposite borders match")
    add_recipe_options(parser, recipe="texture", without=OF_CONTENT)
    add_run_options(parser)
    parser.show_first("output", "canvas", "tileable", "style_scale", "style_loss", "recipe", "seed",
                      "snapshots", "overwrite")  # fmt: skip

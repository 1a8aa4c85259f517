"""Options of ``impasto reconstruct``."""

from __future__ import annotations

from impasto.cli.shared.limits import SIZE_REMARK
from impasto.cli.shared.parser import Parser
from impasto.cli.shared.recipe_options import add_recipe_options, parse_layers
from impasto.cli.shared.run_options import add_run_options
from impasto.jobs.as_command import OF_TWO_PICTURES

EXAMPLES = """\
examples:
  impasto reconstruct photo.jpg -o content.png --layer relu4_2
  impasto reconstruct painting.jpg -o style.png --style-layers relu1_1,relu2_1,relu3_1
  impasto reconstruct photo.jpg -o sheet.png --figure
"""


def configure(parser: Parser) -> None:
    """Add the options of ``reconstruct``."""
    parser.usage = "impasto reconstruct IMAGE -o OUT (--layer L | --style-layers L,… | --figure)"
    parser.add_argument("image", metavar="IMAGE", help="the picture to reconstruct")
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="the file to write")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--layer", dest="content_layers", metavar="L", type=parse_layers,
                      help="content reconstruction, from the features of this layer")  # fmt: skip
    what.add_argument("--style-layers", metavar="L,…", type=parse_layers,
                      help="style reconstruction, from the statistics of these layers")  # fmt: skip
    what.add_argument("--figure", action="store_true",
                      help="both at five depths on one sheet, as in Gatys et al. 2015")  # fmt: skip
    add_recipe_options(
        parser, recipe="reconstruction", without=OF_TWO_PICTURES, remarks=SIZE_REMARK
    )
    add_run_options(parser)
    parser.show_first("output", "content_layers", "style_layers", "figure", "size", "style_loss",
                      "encoder", "recipe", "overwrite")  # fmt: skip

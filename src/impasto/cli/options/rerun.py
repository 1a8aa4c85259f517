"""Options of ``impasto rerun``."""

from __future__ import annotations

import argparse

from impasto.cli.shared.parser import Parser, under
from impasto.cli.shared.recipe_options import add_entry_option, parse_layers
from impasto.cli.shared.region_options import add_region_options
from impasto.cli.shared.run_options import add_report_option, add_run_options
from impasto.jobs.requests import StylizeRequest
from impasto.recipes.presets import RECIPES
from impasto.recipes.recipe import FIELDS
from impasto.runtime.fields import entries

EXAMPLES = """\
examples:
  impasto rerun out.png -o again.png
  impasto rerun out.png -o large.png --size 2048
  impasto rerun out.png -o stronger.png --style-weight 2
  impasto rerun out.png --show
  impasto rerun out.png --as command
  impasto rerun out.mp4 -o again.mp4 --style scream

An option changes what the picture was made with; all else stays as it was.
"""


def configure(parser: Parser) -> None:
    """Add the options of ``rerun``: those of the commands that make pictures, without defaults."""
    parser.usage = "impasto rerun PICTURE -o OUT [options]"
    add = parser.add_argument
    add("picture", metavar="PICTURE", help="a picture or a clip that Impasto painted")
    add("-o", "--output", metavar="OUT", help="the file to write")
    add("--trust", action="store_true",
        help="also read files outside of this folder that the picture names")  # fmt: skip
    add("--show", action="store_true", help="only print the request")
    add("--as", dest="as_text", choices=("command", "python"),
        help="only print the command, or the program, that makes the same")  # fmt: skip
    style, content = under(parser, "Style"), under(parser, "Content")
    style.add_argument("--style", dest="styles", action="append", metavar="STYLE",
                       help="another style; may be repeated, as PATH:WEIGHT")  # fmt: skip
    style.add_argument("--tileable", action=argparse.BooleanOptionalAction,
                       help="of textures: make opposite borders match")  # fmt: skip
    content.add_argument("--content", metavar="PICTURE", help="another photograph")
    content.add_argument("--size", metavar="N", help="long side in pixels; of textures also WxH")
    content.add_argument("--layer", dest="content_layers", metavar="L", type=parse_layers,
                         help="of reconstructions: another layer")  # fmt: skip
    content.add_argument("--figure", action="store_true", default=None,
                         help="of reconstructions: all depths on one sheet")  # fmt: skip
    add_region_options(under(parser, "Regions"))
    under(parser, "Optimization").add_argument(
        "--recipe", metavar="NAME|FILE", help=f"another recipe: {', '.join(RECIPES)}, or a .toml"
    )
    for name, entry in {**entries(StylizeRequest), **FIELDS}.items():
        if name != "size":
            heading = entry.group.capitalize() or "Style"
            add_entry_option(under(parser, heading), entry)
    add_report_option(add_run_options(parser))
    parser.set_defaults(regions=None)
    parser.show_first("output", "trust", "show", "styles", "style_weight", "strength", "size",
                      "content_weight", "colour", "recipe", "overwrite")  # fmt: skip

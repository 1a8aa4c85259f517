"""Options of ``impasto compare``."""

from __future__ import annotations

from pathlib import Path

from impasto.cli.shared.device_option import add_device
from impasto.cli.shared.limits import SIZE_REMARK, add_max_pixels
from impasto.cli.shared.parser import Parser, under
from impasto.cli.shared.recipe_options import add_recipe_options
from impasto.cli.shared.region_options import add_region_options
from impasto.cli.shared.save_options import add_overwrite
from impasto.studies.sweeps import STUDIES

EXAMPLES = f"""\
examples:
  impasto compare photo.jpg painting.jpg --sweep style-weight=1,10 -o row.png
  impasto compare photo.jpg painting.jpg --sweep content-weight=0.02,0.1,0.5 \\
      --sweep layers=relu1_1,+relu2_1,+relu3_1 -o grid.png --size 256
  impasto compare photo.jpg painting.jpg --study gatys2015 -o figure-3.png

studies:
{chr(10).join(f"  {name:14} {study.about}" for name, study in STUDIES.items())}

The first of two sweeps gives the rows. Pictures are kept in OUT-cells/; after
an interruption the same command continues from there.
"""


def configure(parser: Parser) -> None:
    """Add the options of ``compare``."""
    parser.usage = "impasto compare CONTENT STYLE -o FILE (--sweep ENTRY=A,B,… | --study NAME)"
    parser.add_argument("content", metavar="CONTENT", type=Path, help="the photograph")
    parser.add_argument("style", metavar="STYLE", type=Path, help="the style picture")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", type=Path,
                        help="the grid: a picture or an HTML page; the losses are "
                        "written to FILE.csv")  # fmt: skip
    parser.add_argument("--report", metavar="PAGE", type=Path,
                        help="also write an HTML page with all cells")  # fmt: skip
    parser.add_argument("--sweep", action="append", default=[], metavar="ENTRY=A,B,…",
                        help="a recipe entry and its values; once or twice")  # fmt: skip
    parser.add_argument("--study", choices=tuple(STUDIES), metavar="NAME",
                        help="a study of the list below, instead of a sweep")  # fmt: skip
    parser.add_argument("--cells", metavar="DIR", type=Path, help="folder of cells [OUT-cells/]")
    parser.add_argument("--cell-height", type=int, default=240, metavar="N",
                        help="height of a picture in the grid, in pixels [240]")  # fmt: skip
    add_region_options(under(parser, "Regions"))
    add_recipe_options(parser, remarks=SIZE_REMARK)
    run = under(parser, "This run")
    run.add_argument("--workers", type=int, metavar="N",
                     help="paint N cells at a time [one for each core]")  # fmt: skip
    add_max_pixels(run)
    add_device(run)
    add_overwrite(run)
    run.add_argument("--quiet", action="store_true", help="show no progress")
    parser.show_first("output", "sweep", "study", "report", "style_weight", "size",
                      "content_weight", "regions", "recipe", "overwrite")  # fmt: skip

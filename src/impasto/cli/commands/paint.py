"""``impasto paint``: paint a picture in the style of others, by optimization."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Sequence

from impasto.cli.shared.limits import SIZE_REMARK
from impasto.cli.shared.recipe_options import add_recipe_options, recipe_from
from impasto.cli.shared.run_options import add_report_option, add_run_options, run_to_file
from impasto.errors import OptionError
from impasto.jobs.requests import PaintRequest, StyleInput, as_region_specs, parse_styles

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


def run(args: argparse.Namespace) -> int:
    """Paint and return the exit code."""
    styles = parse_styles([*args.styles, *args.more_styles])
    if not styles:
        raise OptionError("Name a style picture: impasto paint CONTENT STYLE -o OUT.")
    _check_styles(styles, args)
    regions = as_region_specs(args.regions)
    recipe = recipe_from(args)
    request = PaintRequest(args.content, styles, recipe, args.mask, args.style_mask, regions)
    return run_to_file(request, args)


def _check_styles(styles: Sequence[StyleInput], args: argparse.Namespace) -> None:
    """Refuse the names of styles of one-pass models, and say which command has them.

    Raises:
        OptionError: For a name that is a style of a model and no file.
    """
    missing = [style.name for style in styles if not os.path.exists(style.name)]
    if not missing:
        return
    from impasto.networks.catalogue import networks, style_names

    for name in missing:
        for model in networks():
            if name in style_names(model):
                words = ["impasto", "stylize", args.content, "--style", name, "-o", args.output]
                raise OptionError(
                    f"{name} is a style of the one-pass model '{model}', and paint takes pictures: "
                    f"{shlex.join(words)}"
                )

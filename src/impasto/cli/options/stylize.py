"""Options of ``impasto stylize``."""

from __future__ import annotations

import argparse
from pathlib import Path

from impasto import images
from impasto.cli.shared.device_option import add_device
from impasto.cli.shared.limits import add_max_pixels
from impasto.cli.shared.recipe_options import add_entry_option
from impasto.cli.shared.save_options import add_overwrite, add_save_options
from impasto.jobs.requests import StylizeRequest
from impasto.runtime.fields import entries

EXAMPLES = """\
examples:
  impasto stylize photo.jpg --style painting.jpg -o out.png
  impasto stylize a.jpg b.png holiday/ --style great-wave -o painted/
  impasto stylize photo.jpg --style great-wave:0.6 scream:0.4 -o out.png
  impasto stylize photo.jpg --style painting.jpg --size 4096 -o out.jpg
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``stylize``."""
    add, declared = parser.add_argument, entries(StylizeRequest)
    parser.usage = "impasto stylize PICTURE [PICTURE …] --style STYLE [STYLE …] -o PATH [options]"
    add("contents", nargs="*", metavar="PICTURE", type=Path, help="pictures, or folders of them")
    add("--style", default=[], nargs="+", action="extend", metavar="STYLE[:WEIGHT]",
        help="a picture, the name of a style (see `impasto models list`) or a saved style; "
             "several are mixed")  # fmt: skip
    add("-o", "--output", required=True, metavar="PATH", type=Path,
        help="a picture file, or a folder, in which names are kept")  # fmt: skip
    add("--model", metavar="NAME|FILE", help="any, multi or your own [depends on the style]")
    most = f"at most {images.MAX_ENLARGE:g} times a picture's own"
    add("--size", type=int, metavar="N", help=f"long side in pixels, {most} [unchanged]")
    for name in ("strength", "colour", "colour_space", "colour_match", "precision"):
        add_entry_option(parser, declared[name], declared[name].default)
    regions = parser.add_argument_group("regions (one picture)")
    regions.add_argument("--mask", metavar="FILE", help="label picture of the content")
    regions.add_argument("--style-mask", metavar="FILE", help="label picture of the style")
    regions.add_argument("--region", dest="regions", action="append", default=[],
                         metavar="NAME=MASK[@STYLE][:STYLEMASK]",
                         help="one region; may be repeated")  # fmt: skip
    add_entry_option(regions, declared["feather"], declared["feather"].default)
    files = parser.add_argument_group("files")
    files.add_argument("--format", choices=tuple(sorted({s[1:] for s in images.FORMATS})),
                       help="format of the pictures in a folder [as the source]")  # fmt: skip
    add_overwrite(files)
    add_save_options(files)
    files.add_argument("--save-style", metavar="FILE", type=Path,
                       help="save the style for later use (.safetensors)")  # fmt: skip
    add_max_pixels(parser)
    add_device(parser)
    add("--memory", metavar="SIZE", help="memory limit, such as 2GB [2/3 of the free memory]")
    add("--json", action="store_true", help="print the results as JSON")
    add("--quiet", action="store_true", help="show no progress")

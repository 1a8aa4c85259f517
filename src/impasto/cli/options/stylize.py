"""Options of ``impasto stylize``."""

from __future__ import annotations

from pathlib import Path

from impasto import images
from impasto.cli.shared.device_option import add_device
from impasto.cli.shared.limits import add_max_pixels, add_memory
from impasto.cli.shared.parser import Parser, under
from impasto.cli.shared.recipe_options import add_entry_option
from impasto.cli.shared.region_options import add_region_options
from impasto.cli.shared.save_options import add_format, add_overwrite, add_save_options
from impasto.cli.shared.style_options import add_model, add_styles
from impasto.jobs.requests import StylizeRequest
from impasto.runtime.fields import entries

EXAMPLES = """\
examples:
  impasto stylize photo.jpg --style painting.jpg -o out.png
  impasto stylize a.jpg b.png holiday/ --style great-wave -o painted/
  impasto stylize photo.jpg --style great-wave:0.6 scream:0.4 -o out.png
  impasto stylize photo.jpg --style painting.jpg --size 4096 -o out.jpg
"""


def configure(parser: Parser) -> None:
    """Add the options of ``stylize``."""
    add, declared = parser.add_argument, entries(StylizeRequest)
    parser.usage = "impasto stylize PICTURE [PICTURE …] --style STYLE [STYLE …] -o PATH [options]"
    add("contents", nargs="*", metavar="PICTURE", type=Path, help="pictures, or folders of them")
    add("-o", "--output", required=True, metavar="PATH", type=Path,
        help="a picture file, or a folder, in which names are kept")  # fmt: skip
    style, run = under(parser, "Style"), under(parser, "This run")
    add_styles(style, more="; a folder for each of its pictures in turn")
    add_model(style)
    style.add_argument("--save-style", metavar="FILE", type=Path,
                       help="save the style for later use (.safetensors)")  # fmt: skip
    most = f"at most {images.MAX_ENLARGE:g} times a picture's own"
    under(parser, "Content").add_argument(
        "--size", type=int, metavar="N", help=f"long side in pixels, {most} [unchanged]"
    )
    add_region_options(under(parser, "Regions"))
    for name, entry in declared.items():
        if name not in ("model", "size"):
            heading = under(parser, entry.group.capitalize() or "This run")
            add_entry_option(heading, entry, entry.default)
    add_format(run)
    add_overwrite(run)
    add_save_options(run)
    add_max_pixels(run)
    add_device(run)
    add_memory(run)
    run.add_argument("--json", action="store_true", help="print the results as JSON")
    run.add_argument("--quiet", action="store_true", help="show no progress")
    parser.show_first("output", "style", "model", "strength", "style_scale", "save_style", "size",
                      "regions", "colour", "format", "overwrite")  # fmt: skip

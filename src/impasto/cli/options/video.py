"""Options of ``impasto video``."""

from __future__ import annotations

from pathlib import Path

from impasto.cli.shared.device_option import add_device
from impasto.cli.shared.limits import add_max_pixels, add_memory
from impasto.cli.shared.parser import Parser, under
from impasto.cli.shared.recipe_options import add_entry_option, add_recipe_options
from impasto.cli.shared.region_options import add_region_options
from impasto.cli.shared.save_options import add_overwrite
from impasto.cli.shared.style_options import add_model, add_styles
from impasto.jobs.requests import StylizeRequest
from impasto.jobs.video_request import Encoding, VideoRequest
from impasto.runtime.fields import entries

EXAMPLES = """\
examples:
  impasto video clip.mp4 --style great-wave -o out.mp4
  impasto video clip.mp4 --style painting.jpg -o out.mp4 --start 10 --end 15
  impasto video clip.mp4 --at 0s=great-wave --at 4s=scream --ease smooth -o out.mp4
  impasto video clip.mp4 --style painting.jpg --paint -o out.mp4 --size 480
  impasto video frames/ --style great-wave --fps 24 -o out.webm
"""

_TIMES = {"start": "begin there, such as 4s or 1:02.5 [0s]", "end": "end there [its end]"}
"""Entries that are given as times."""


def configure(parser: Parser) -> None:
    """Add the options of ``video``."""
    parser.usage = "impasto video CLIP --style STYLE [STYLE …] -o OUT [options]"
    parser.add_argument("clip", metavar="CLIP",
                        help="a video, a GIF, APNG or WebP, or a folder of frames")  # fmt: skip
    endings = ".mp4, .mov, .mkv, .webm, .gif, .png, .webp"
    parser.add_argument("-o", "--output", required=True, metavar="OUT", type=Path,
                        help=f"{endings}, or a folder for frames")  # fmt: skip
    style, run = under(parser, "Style"), under(parser, "This run")
    add_styles(style)
    style.add_argument(
        "--at", default=[], action="append", metavar="TIME=STYLE[@STRENGTH]",
        help="the style, or a mixture STYLE:WEIGHT,STYLE:WEIGHT, at a time such as 4s; also "
             "TIME=@STRENGTH alone",
    )  # fmt: skip
    add_model(style)
    under(parser, "Clip").add_argument(
        "--size", type=int, metavar="N", help="long side in pixels [unchanged]"
    )
    under(parser, "Optimization").add_argument(
        "--paint", action="store_true",
        help="paint frames by optimization, each from the one before; with the options of `paint`",
    )  # fmt: skip
    add_region_options(under(parser, "Regions"))
    for kind in (VideoRequest, StylizeRequest, Encoding):
        for name, entry in entries(kind).items():
            heading = under(parser, entry.group.capitalize() or "This run")
            if name in _TIMES:
                heading.add_argument(f"--{name}", metavar="TIME", help=_TIMES[name])
            elif name not in ("model", "size"):
                shown = entry.default if entry.default not in ("", -1) else None
                add_entry_option(heading, entry, shown)
    add_recipe_options(parser, without=[*entries(StylizeRequest), "size"])
    parser.set_defaults(recipe=None)
    run.add_argument("--resume", action="store_true", help="continue a run that was stopped")
    add_overwrite(run)
    add_max_pixels(run)
    add_device(run)
    add_memory(run)
    run.add_argument("--json", action="store_true", help="print the result as JSON")
    run.add_argument("--quiet", action="store_true", help="show no progress")
    parser.show_first("output", "style", "at", "strength", "steady", "paint", "style_scale", "size",
                      "start", "end", "fps", "resume", "overwrite")  # fmt: skip

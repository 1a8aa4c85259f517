"""Options of ``impasto live``."""

from __future__ import annotations

from pathlib import Path

from impasto.cli.shared.device_option import add_device
from impasto.cli.shared.limits import add_max_pixels, add_memory
from impasto.cli.shared.parser import Parser, under
from impasto.cli.shared.recipe_options import add_entry_option
from impasto.cli.shared.style_options import add_model
from impasto.jobs.requests import StylizeRequest
from impasto.jobs.video_request import VideoRequest
from impasto.runtime.fields import entries

EXAMPLES = """\
examples:
  impasto live --style great-wave
  impasto live --camera 1 --style great-wave scream painting.jpg
  impasto live --style great-wave --to /dev/video9
  impasto live --source clip.mp4 --style great-wave --size 384

keys in the window:
  n, p  next and previous style      f  freeze
  +, -  stronger and weaker          s  save the picture
  q     quit
"""

_OF_PICTURES = ("strength", "style_scale", "colour", "colour_space", "precision")


def configure(parser: Parser) -> None:
    """Add the options of ``live``."""
    parser.usage = "impasto live --style STYLE [STYLE …] [options]"
    source, style, run = (under(parser, name) for name in ("Source", "Style", "This run"))
    source.add_argument("--camera", type=int, metavar="N", help="number of the camera [0]")
    source.add_argument("--source", metavar="CLIP",
                        help="a clip that stands in for a camera, at its own pace")  # fmt: skip
    source.add_argument("--repeat", action="store_true", help="begin the clip anew at its end")
    style.add_argument(
        "--style", default=[], nargs="+", action="extend", metavar="STYLE",
        help="a picture, the name of a style or a saved style; several are for the keys n and p "
             "[after a named one: the others of its model]; a mixture is STYLE:WEIGHT,STYLE:WEIGHT",
    )  # fmt: skip
    add_model(style)
    output = under(parser, "Output")
    output.add_argument("--to", metavar="DEVICE",
                        help="a virtual camera, such as /dev/video9, for OBS or Zoom")  # fmt: skip
    output.add_argument("--no-window", action="store_true", help="with --to: show no window")
    output.add_argument("--save-to", type=Path, default=Path(), metavar="FOLDER",
                        help="where the key s saves pictures [here]")  # fmt: skip
    output.add_argument("--size", type=int, metavar="N",
                        help="long side to paint at, in pixels [as --fps allows]")  # fmt: skip
    output.add_argument("--fps", type=float, default=20.0, metavar="X",
                        help="frames a second to hold [20]")  # fmt: skip
    output.add_argument("--seconds", type=float, default=0.0, metavar="X",
                        help="end after so many seconds [when you quit]")  # fmt: skip
    offered = entries(StylizeRequest)
    for name in _OF_PICTURES:
        heading = under(parser, offered[name].group.capitalize() or "This run")
        add_entry_option(heading, offered[name], offered[name].default)
    steady = entries(VideoRequest)["steady"]
    add_entry_option(style, steady, steady.default)
    add_max_pixels(run)
    add_device(run)
    add_memory(run)
    run.add_argument("--json", action="store_true", help="print the figures at the end as JSON")
    run.add_argument("--quiet", action="store_true", help="tell nothing on the way")
    parser.show_first("camera", "source", "style", "strength", "steady", "to", "size", "fps",
                      "save_to")  # fmt: skip

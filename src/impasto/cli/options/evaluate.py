"""Options of ``impasto evaluate``."""

from __future__ import annotations

import argparse
from pathlib import Path

from impasto.cli.shared.device_option import add_device
from impasto.cli.shared.limits import add_max_pixels
from impasto.cli.shared.save_options import add_overwrite
from impasto.metrics.registry import METRICS, SET_METRICS

TABLE, JSON, PLOT = "pictures.csv", "evaluation.json", "scatter.png"
"""The files in the output's folder."""

EXAMPLES = f"""\
examples:
  impasto evaluate painted/ --content photos/ --style paintings/
  impasto evaluate ours/ theirs/ --content photos/ --style paintings/ -o tables/
  impasto evaluate painted/ --content frames/ --style painting.jpg --temporal
  impasto evaluate out.png --content a.jpg --style b.jpg --metrics gram,ssim

metrics: {", ".join(METRICS)};
metrics of all results of a method: {", ".join(SET_METRICS)}.
Those with lpips or fid in their names need weights, which are downloaded once.
Content and style of a result are found by its metadata, or by its file name
CONTENT-STYLE.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``evaluate``."""
    add = parser.add_argument
    add("results", nargs="+", metavar="RESULTS", type=Path,
        help="a folder of results; several are compared as methods")  # fmt: skip
    add("--content", required=True, metavar="DIR|FILE", type=Path,
        help="photographs that the results were painted from")  # fmt: skip
    add("--style", required=True, metavar="DIR|FILE", type=Path,
        help="paintings whose styles the results have")  # fmt: skip
    add("-o", "--output", metavar="DIR", type=Path,
        help=f"write {TABLE}, {JSON} and {PLOT}")  # fmt: skip
    add("--metrics", metavar="NAME,…", help="metrics [all whose weights are available]")
    add("--encoder", default="compact", metavar="NAME|FILE", help="encoder [compact]")
    add("--size", type=int, default=512, metavar="N",
        help="downscale larger results to this long side [512]")  # fmt: skip
    add_max_pixels(parser)
    add_device(parser)
    add_overwrite(parser)
    add("--temporal", action="store_true",
        help="the results are frames of a video: measure the warping error")  # fmt: skip
    add("--no-plot", action="store_true", help="draw no scatter plot (it needs matplotlib)")
    add("--json", action="store_true", help="print JSON instead of a table")
    add("--quiet", action="store_true", help="show no progress")

"""The options of regions, the same for every command that paints with them."""

from __future__ import annotations

import argparse


def add_region_options(group: argparse._ActionsContainer) -> None:
    """Add ``--region``, ``--mask`` and ``--style-mask``."""
    group.add_argument(
        "--region", dest="regions", action="append", default=[], metavar="REGION",
        help="sky=MASK@STYLE, sky=MASK:STYLEMASK, or face=MASK to keep the face; with "
             ",colour=content it has the photograph's colours; may be repeated",
    )  # fmt: skip
    group.add_argument("--mask", metavar="FILE", help="label picture: one colour per region")
    group.add_argument(
        "--style-mask", metavar="FILE", help="that of the style, in the same colours"
    )

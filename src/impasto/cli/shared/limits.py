"""How large the pictures may be that commands read, and how far they are enlarged."""

from __future__ import annotations

import argparse

from impasto import images

SIZE_REMARK = {"size": f"at most {images.MAX_ENLARGE:g} times the photograph's"}
"""What commands that paint a photograph add to the description of ``--size``."""


def add_max_pixels(parser: argparse._ActionsContainer) -> None:
    """Add ``--max-pixels``, for commands that read pictures."""
    parser.add_argument(
        "--max-pixels",
        type=int,
        default=images.MAX_PIXELS,
        metavar="N",
        help=f"refuse larger input pictures [{images.MAX_PIXELS}]",
    )

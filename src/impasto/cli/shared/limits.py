"""Limits on the size of input pictures and on their enlargement."""

from __future__ import annotations

import argparse

from impasto import images

SIZE_REMARK = {"size": f"at most {images.MAX_ENLARGE:g} times the photograph's"}
"""Addition to the help of ``--size`` for commands that paint a photograph."""


def add_max_pixels(parser: argparse._ActionsContainer) -> None:
    """Add ``--max-pixels``, for commands that read pictures."""
    parser.add_argument("--max-pixels", type=int, default=images.MAX_PIXELS, metavar="N",
                        help=f"refuse larger input pictures [{images.MAX_PIXELS}]")  # fmt: skip

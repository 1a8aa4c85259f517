"""Limits on the size of input pictures, on their enlargement, and on the memory."""

from __future__ import annotations

import argparse

from impasto import images

SIZE_REMARK = {"size": f"at most {images.MAX_ENLARGE:g} times the photograph's"}
"""Addition to the help of ``--size`` for commands that paint a photograph."""


def add_max_pixels(parser: argparse._ActionsContainer) -> None:
    """Add ``--max-pixels``, for commands that read pictures."""
    parser.add_argument("--max-pixels", type=int, default=images.MAX_PIXELS, metavar="N",
                        help=f"refuse larger input pictures [{images.MAX_PIXELS}]")  # fmt: skip


def add_memory(parser: argparse._ActionsContainer) -> None:
    """Add ``--memory``, for commands that plan theirs."""
    parser.add_argument("--memory", metavar="SIZE",
                        help="memory limit, such as 2GB [2/3 of the free memory]")  # fmt: skip

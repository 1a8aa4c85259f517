"""How large pictures may be that commands read, and how much they are enlarged."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from impasto import images
from impasto.images.picture import Picture

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


def tell_of_limit(source: str | Path, picture: Picture, long_side: int) -> None:
    """Say, on stderr, if a picture was too small to be enlarged as far as was wished.

    Args:
        source: Where it was read from.
        picture: As it was read, with that long side wanted.
        long_side: In pixels.
    """
    if (side := max(picture.size)) < long_side:
        print(
            f"impasto: {source} is enlarged {images.MAX_ENLARGE:g} times at most: the long side "
            f"is {side} px, not {long_side}.",
            file=sys.stderr,
        )

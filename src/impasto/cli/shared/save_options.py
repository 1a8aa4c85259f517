"""Options of how a picture is saved: shared by all commands that paint."""

from __future__ import annotations

import argparse
from typing import Any

from impasto.images.formats import DEPTHS, FORMATS, METADATA


def add_save_options(group: argparse._ActionsContainer) -> None:
    """Add ``--quality``, ``--depth`` and ``--metadata``."""
    group.add_argument("--quality", type=int, default=95, metavar="N",
                       help="quality of JPEG and WebP files [95]")  # fmt: skip
    group.add_argument("--depth", type=int, choices=DEPTHS, default=DEPTHS[0],
                       help="bits a sample; 16 in PNG and TIFF files [8]")  # fmt: skip
    group.add_argument(
        "--metadata", choices=METADATA, default=METADATA[0],
        help="the photograph's own EXIF, author, copyright and dpi: strip, keep, or keep with "
             "where it was taken [strip]",
    )  # fmt: skip


def existing_options(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments of :func:`impasto.cli.shared.outputs.is_made` that these options give."""
    return {
        "overwrite": args.overwrite,
        "depth": args.depth,
        "source_metadata": args.metadata,
    }


def save_options(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments of :meth:`impasto.jobs.results.Result.save` that these options give."""
    return {"quality": args.quality, "depth": args.depth, "metadata": args.metadata}


def add_overwrite(parser: argparse._ActionsContainer) -> None:
    """Add ``--overwrite``, for commands that write files."""
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")


def add_format(parser: argparse._ActionsContainer) -> None:
    """Add ``--format``, for commands that paint into folders."""
    parser.add_argument("--format", choices=sorted({suffix[1:] for suffix in FORMATS}),
                        help="format of the pictures in a folder [as the source]")  # fmt: skip

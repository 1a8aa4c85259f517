"""Options of a run, shared by the commands that optimize."""

from __future__ import annotations

import argparse
from pathlib import Path

from impasto.cli.shared.device_option import add_device
from impasto.cli.shared.limits import add_max_pixels, add_memory
from impasto.cli.shared.parser import under
from impasto.cli.shared.save_options import add_overwrite, add_save_options


def add_run_options(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the options that do not change the picture."""
    group = under(parser, "This run")
    add_save_options(group)
    add_max_pixels(group)
    add_device(group)
    add_memory(group)
    group.add_argument("--snapshots", type=int, metavar="N", help="save N intermediate pictures")
    group.add_argument("--snapshots-to", metavar="PATH", type=Path,
                       help="folder, or .gif, .webp, .png or .mp4 [OUT-steps/]")  # fmt: skip
    group.add_argument("--log", metavar="FILE", type=Path, help="write the losses as CSV")
    group.add_argument("--resume", action="store_true", help="continue from the checkpoint")
    add_overwrite(group)
    group.add_argument("--quiet", action="store_true", help="print nothing but errors")
    printed = group.add_mutually_exclusive_group()
    printed.add_argument("--json", action="store_true", help="print the result as JSON")
    printed.add_argument("--events", action="store_true",
                         help="print a line of JSON for every step, for programs")  # fmt: skip
    return group


def add_report_option(group: argparse._ArgumentGroup) -> None:
    """Add ``--report``, for commands that paint a photograph."""
    group.add_argument("--report", metavar="PAGE", type=Path,
                       help="describe the run on a page (.html)")  # fmt: skip

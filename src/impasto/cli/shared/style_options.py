"""``--style`` and ``--model`` of the commands that paint in one pass."""

from __future__ import annotations

import argparse


def add_styles(group: argparse._ArgumentGroup, *, more: str = "") -> None:
    """Add ``--style``: several styles with weights.

    Args:
        group: Of the parser.
        more: What the command also takes, for the help.
    """
    group.add_argument(
        "--style", default=[], nargs="+", action="extend", metavar="STYLE[:WEIGHT]",
        help="a picture, the name of a style (see `impasto models list`) or a saved style; "
             "several are mixed" + more,
    )  # fmt: skip


def add_model(group: argparse._ArgumentGroup) -> None:
    """Add ``--model``."""
    group.add_argument(
        "--model", metavar="NAME|FILE", help="any, multi or your own [depends on the style]"
    )

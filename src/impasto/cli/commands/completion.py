"""``impasto completion``: prints a script that completes commands, options and files in a shell."""

from __future__ import annotations

import argparse

from impasto.cli.main import whole_parser
from impasto.cli.shared.completion import completion_script


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    print(completion_script(whole_parser(), args.shell))
    return 0

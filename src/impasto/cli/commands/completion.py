"""``impasto completion``: prints a script that completes commands, options and files in a shell."""

from __future__ import annotations

import argparse

from impasto.cli.main import whole_parser
from impasto.cli.shared.completion import completion_script
from impasto.cli.shared.messages import print_result


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    print_result(completion_script(whole_parser(), args.shell))
    return 0

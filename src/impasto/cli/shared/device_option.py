"""The option ``--device``, the same for every command that computes on one."""

from __future__ import annotations

import argparse


def add_device(parser: argparse._ActionsContainer, *, auto: str = "a GPU if there is one") -> None:
    """Add ``--device``; :func:`impasto.runtime.devices.find_device` takes its value.

    Args:
        parser: Parser or group of the command.
        auto: What the help says of the default.
    """
    parser.add_argument("--device", default="auto", metavar="NAME",
                        help=f"cpu, cuda, cuda:N, xpu or mps [auto: {auto}]")  # fmt: skip

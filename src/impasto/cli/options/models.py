"""Options of ``impasto models``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.weights.records import WEIGHTS

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

EXAMPLES = """\
examples:
  impasto models list
  impasto models fetch vgg19
  impasto models add vgg19 ~/Downloads/vgg19-dcbb9e9d.pth
  impasto models add ours trained.safetensors
  impasto models verify

Weights are kept in the platform's cache folder, or in $IMPASTO_CACHE.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the commands of ``models`` to its parser."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    command = _command(commands, "list", "list all weights and their state", "list --json")
    command.add_argument("--json", action="store_true", help="print JSON instead of a table")
    command.set_defaults(models_command="list")

    command = _command(commands, "fetch", "download a weight unless it is cached", "fetch vgg19")
    _add_name(command)
    command.add_argument("--force", action="store_true", help="download it even if it is cached")
    command.set_defaults(models_command="fetch")

    example = "add vgg19 ~/Downloads/vgg19-dcbb9e9d.pth"
    about = "add a weight file that you have downloaded, or a one-pass model that you trained"
    command = _command(commands, "add", about, example)
    names = ", ".join(n for n, record in WEIGHTS.items() if record.urls)
    command.add_argument("name", metavar="NAME", help=f"one of {names}, or a new model's name")
    command.add_argument("file", metavar="FILE", type=Path,
                         help="the file that fetch would download, a safetensors file from another "
                              "Impasto cache, or a model by `impasto train`")  # fmt: skip
    command.add_argument("--overwrite", action="store_true", help="replace a model of that name")
    command.set_defaults(models_command="add")

    command = _command(commands, "verify", "check weights for damage", "verify vgg19")
    _add_name(command, nargs="?")
    command.set_defaults(models_command="verify")


def _command(
    commands: Subparsers, name: str, summary: str, example: str
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"example: impasto models {example}",
    )


def _add_name(command: argparse.ArgumentParser, nargs: str | None = None) -> None:
    default = "; all by default" if nargs else ""
    names = ", ".join(WEIGHTS)
    command.add_argument("name", metavar="NAME", nargs=nargs, help=f"one of {names}{default}")

"""The program ``impasto``: finds the command, runs it, and turns errors into one clear sentence.

Only the module of the command that was asked for is imported, so that ``impasto -h`` is quick.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from impasto import __version__
from impasto.cli.shared.messages import print_error
from impasto.errors import ImpastoError

COMMANDS: Mapping[str, str] = {
    "demo": "paint two sample pairs into out/",
    "paint": "paint a picture in the manner of another, by optimization",
    "stylize": "paint pictures in one pass, in a fraction of a second",
    "texture": "make a texture of a picture's style, from noise",
    "reconstruct": "make a picture again from what layers know of it",
    "compare": "paint one pair under many recipes, as a grid",
    "inspect": "see what a layer knows: maps, channels, Gram matrices",
    "features": "print the statistics of a picture's features, or compare two pictures",
    "edges": "show pictures' edges, against a photograph's, and their fine detail",
    "evaluate": "judge results by figures, and compare methods",
    "gallery": "show a folder of results as a page, with their recipes",
    "rerun": "paint a picture again from the recipe in its file",
    "models": "list, fetch, add and verify encoders and one-pass models",
    "train": "train one-pass networks and encoders",
}
"""Command → one line. Each is a module in ``impasto.cli.commands``, see :mod:`~impasto.cli.commands`.

Packages from outside add commands by entry points of the group ``impasto.commands``.
"""

EXAMPLES = """\
examples:
  impasto demo
  impasto paint photo.jpg painting.jpg -o out.png
  impasto stylize photo.jpg --style painting.jpg -o out.png
  impasto paint -h
"""

INTERRUPTED = 130
WRONG_INPUT = 2


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        arguments: Without the program's name; the command line's by default.

    Returns:
        The exit code: 0, or 2 for a mistake that the printed sentence says how to mend, or 130
        after Ctrl-C.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # file names may hold what it cannot encode
        sys.stdout.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if arguments is None else list(arguments)
    chosen = next((word for word in words if not word.startswith("-")), "")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _tell_warning
            # The parser takes a second, as its defaults come from modules that import torch.
            args = _parser(chosen).parse_args(words)
            if getattr(args, "quiet", False):
                warnings.simplefilter("ignore")
            code: int = args.run_command(args)
        sys.stdout.flush()
        return code
    except ImpastoError as error:
        print_error(error)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("impasto: stopped.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone (`impasto … | head`): nothing is wrong here.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _tell_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """What takes the place of ``warnings.showwarning``: a line for a person."""
    print(f"impasto: {' '.join(str(message).split())}", file=sys.stderr)


def _parser(chosen: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="impasto",
        description="Neural style transfer: paints a picture in the manner of another.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"impasto {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    # Installed packages are searched only where their commands can matter: it takes a while.
    others = {} if chosen in COMMANDS else _commands_from_outside()
    for name, about in {**{n: f"from {e.value}" for n, e in others.items()}, **COMMANDS}.items():
        if name != chosen:
            commands.add_parser(name, help=about)
            continue
        module = others[name].load() if name in others else _module(name)
        about = getattr(module, "SUMMARY", about)
        command = commands.add_parser(
            name,
            help=about,
            description=f"{about[0].upper()}{about[1:]}.",
            epilog=getattr(module, "EXAMPLES", None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.configure(command)
        command.set_defaults(run_command=module.run)
    return parser


def _commands_from_outside() -> dict[str, Any]:
    import importlib.metadata

    found = importlib.metadata.entry_points(group="impasto.commands")
    return {entry_point.name: entry_point for entry_point in found}


def _module(name: str) -> Any:
    return importlib.import_module(f"impasto.cli.commands.{name}")

"""The program ``impasto``: runs the chosen command and prints errors as one sentence.

Only the module of the chosen command is imported, so that ``impasto -h`` is fast.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from impasto import __version__
from impasto.cli.shared.exit_codes import INTERRUPTED, WRONG_INPUT
from impasto.cli.shared.messages import print_error, warn
from impasto.cli.shared.parser import Parser
from impasto.errors import ImpastoError
from impasto.runtime.contention import share_cores
from impasto.runtime.interrupts import interrupts_like_ctrl_c
from impasto.runtime.registry import entry_points, load_entry_point
from impasto.runtime.terminal import safe_output

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

COMMANDS: Mapping[str, str] = {
    "demo": "paint two sample pairs into out/",
    "paint": "paint a picture in the style of another, by optimization",
    "stylize": "paint pictures in one pass, in a fraction of a second",
    "texture": "synthesize a texture in the style of a picture",
    "reconstruct": "reconstruct a picture from the features of chosen layers",
    "compare": "paint one pair of pictures with many recipes, as a grid",
    "inspect": "show feature maps, channels and Gram matrices of a layer",
    "features": "print feature statistics of a picture, or compare two pictures",
    "edges": "show edge maps and fine detail of pictures",
    "evaluate": "measure results and compare methods",
    "gallery": "write a page of the results in a folder, with their recipes",
    "rerun": "paint a picture again from the recipe in its metadata",
    "models": "list, fetch, add and verify encoders and one-pass models",
    "train": "train one-pass networks and encoders",
}
"""Command → one-line summary. Each command is a module in :mod:`impasto.cli.commands`.

Other packages add commands by entry points in the group ``impasto.commands``.
"""

EXAMPLES = """\
examples:
  impasto demo
  impasto paint photo.jpg painting.jpg -o out.png
  impasto stylize photo.jpg --style painting.jpg -o out.png
  impasto paint -h
"""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        arguments: Arguments without the program's name; None: those of the command line.

    Returns:
        The exit code: 0, 2 after a mistake, with a message on stderr, or 130 after Ctrl-C.
    """
    if arguments is None and "torch" not in sys.modules:  # this process is the program's own
        share_cores()
    words = sys.argv[1:] if arguments is None else list(arguments)
    with safe_output(), interrupts_like_ctrl_c():
        return _run(words)


def _run(words: Sequence[str]) -> int:
    chosen = next((word for word in words if not word.startswith("-")), "")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _print_warning
            # The parser takes a second: its defaults are in modules that import torch.
            args = _parser(chosen).parse_args(words)
            if getattr(args, "quiet", False):
                warnings.simplefilter("ignore")
            code: int = args.run_command(args)
        return code
    except ImpastoError as error:
        print_error(error)
        return WRONG_INPUT
    except (MemoryError, RuntimeError) as error:
        from impasto.runtime.memory import is_out_of_memory, not_enough_memory

        if not is_out_of_memory(error):
            raise
        print_error(not_enough_memory(error))
        return WRONG_INPUT
    except KeyboardInterrupt:
        warn("stopped.")
        return INTERRUPTED


def _print_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Replace ``warnings.showwarning``: one line, without the path and the code."""
    warn(" ".join(str(message).split()))


def _parser(chosen: str) -> Parser:
    parser = Parser(
        prog="impasto",
        description="Neural style transfer: paint a picture in the style of another.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"impasto {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    # Installed packages are searched only if their commands matter, since it is slow.
    external = {} if chosen in COMMANDS else _external_commands()
    for name, about in {
        **{n: f"from {e[0].value}" for n, e in external.items()},
        **COMMANDS,
    }.items():
        if name != chosen:
            commands.add_parser(name, help=about)
            continue
        module = load_entry_point("command", external[name]) if name in external else _module(name)
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


def _external_commands() -> Mapping[str, Sequence[EntryPoint]]:
    return entry_points("impasto.commands")


def _module(name: str) -> Any:
    return importlib.import_module(f"impasto.cli.commands.{name}")

"""The program ``impasto``: runs the chosen command and prints errors as one sentence.

Only the options of the chosen command are imported, which need no torch, so that ``-h`` is fast;
its work is imported when it runs.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import warnings
from collections.abc import Callable, Container, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

from impasto import __version__
from impasto.cli.shared.exit_codes import INTERRUPTED, WRONG_INPUT
from impasto.cli.shared.messages import print_error, warn
from impasto.cli.shared.parser import Parser
from impasto.errors import ImpastoError
from impasto.runtime.contention import share_cores
from impasto.runtime.interrupts import interrupts_like_ctrl_c
from impasto.runtime.registry import entry_points, load_entry_point
from impasto.runtime.terminal import safe_output
from impasto.runtime.thread_room import fit_threads_to_address_space

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

COMMANDS: Mapping[str, str] = {
    "demo": "paint two sample pairs into out/",
    "paint": "paint a picture in the style of another, by optimization",
    "stylize": "paint pictures in one pass, in a fraction of a second",
    "video": "paint a clip frame by frame, with its sound and times",
    "batch": "paint many pictures with many workers, here or in a cluster",
    "live": "paint what a camera sees, in a window or a virtual camera",
    "texture": "synthesize a texture in the style of a picture",
    "reconstruct": "reconstruct a picture from the features of chosen layers",
    "compare": "paint one pair of pictures with many recipes, as a grid",
    "inspect": "show feature maps, channels and Gram matrices of a layer",
    "features": "print feature statistics of a picture, or compare two pictures",
    "edges": "show edge maps and fine detail of pictures",
    "evaluate": "measure results and compare methods",
    "gallery": "write a page of the results in a folder, with their recipes",
    "serve": "open a page in the browser, and a service for programs",
    "rerun": "paint a picture or clip again from the request in its file",
    "models": "list, fetch, add and verify encoders and one-pass models",
    "export": "write a one-pass model for ONNX Runtime and browsers",
    "web": "write a static site that paints in the browser",
    "train": "train one-pass networks and encoders",
    "completion": "print the completion script of a shell",
}
"""Command → one-line summary.

The options of each command are a module in :mod:`impasto.cli.options`, its work is one in
:mod:`impasto.cli.commands`. Other packages add commands by entry points in the group
``impasto.commands``, each of which is a module with both.
"""

EXAMPLES = """\
examples:
  impasto demo
  impasto paint photo.jpg painting.jpg -o out.png
  impasto stylize photo.jpg --style painting.jpg -o out.png
  impasto paint -h
"""


Work: TypeAlias = Callable[[argparse.Namespace], int]
"""Runs a command with its options; returns the exit code."""


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
            args = _parser(chosen).parse_args(words)
            if getattr(args, "quiet", False):
                warnings.simplefilter("ignore")
            fit_threads_to_address_space()
            code: int = args.run_command(args)
        return code
    except ImpastoError as error:
        print_error(error)
        return WRONG_INPUT
    except (MemoryError, RuntimeError, ImportError) as error:
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


def whole_parser(*, plug_ins: bool = True) -> Parser:
    """The parser with the options of every command, for what describes them all.

    Args:
        plug_ins: Whether commands of other installed packages are included.
    """
    external = _external_commands() if plug_ins else {}
    return _build_parser({*COMMANDS, *external}, external)


def _parser(chosen: str) -> Parser:
    # Installed packages are searched only if their commands matter, since it is slow.
    return _build_parser((chosen,), {} if chosen in COMMANDS else _external_commands())


def _build_parser(chosen: Container[str], external: Mapping[str, Sequence[EntryPoint]]) -> Parser:
    """The parser with the names of all commands, and the options of those chosen."""
    parser = Parser(
        prog="impasto",
        description="Neural style transfer: paint a picture in the style of another.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"impasto {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    for name, about in {
        **{n: f"from {e[0].value}" for n, e in external.items()},
        **COMMANDS,
    }.items():
        if name not in chosen:
            commands.add_parser(name, help=about)
            continue
        options, run = _external(external[name]) if name in external else _built_in(name)
        about = getattr(options, "SUMMARY", about)
        command = commands.add_parser(
            name,
            help=about,
            description=f"{about[0].upper()}{about[1:]}.",
            epilog=getattr(options, "EXAMPLES", None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        options.configure(command)
        command.set_defaults(run_command=run)
    return parser


def _external_commands() -> Mapping[str, Sequence[EntryPoint]]:
    return entry_points("impasto.commands")


def _external(points: Sequence[EntryPoint]) -> tuple[Any, Work]:
    module = load_entry_point("command", points)
    return module, module.run


def _built_in(name: str) -> tuple[Any, Work]:
    """The options of a command, and its work, which is imported when it is called."""

    def run_command(args: argparse.Namespace) -> int:
        code: int = importlib.import_module(f"impasto.cli.commands.{name}").run(args)
        return code

    return importlib.import_module(f"impasto.cli.options.{name}"), run_command

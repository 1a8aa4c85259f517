"""Manual pages made from the parser, in the format of man(7): one for each command."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence

from impasto.cli.shared.exit_codes import INTERRUPTED, WRONG_INPUT
from impasto.cli.shared.parser import heading_place

_EXIT_CODES = (
    ("0", "The work is done."),
    (str(WRONG_INPUT), "A mistake, with one sentence on standard error."),
    (str(INTERRUPTED), "Stopped by Ctrl-C, after saving the best so far."),
)

_ENVIRONMENT = (
    ("IMPASTO_CACHE", "Folder of downloaded weights, instead of the platform's cache folder."),
    ("OMP_NUM_THREADS", "Threads of PyTorch."),
)


def man_pages(parser: argparse.ArgumentParser, version: str) -> dict[str, str]:
    """File name → text of the page of the program, and of the page of each command.

    The text depends on nothing but the parser and the version, so that it can be built again to
    the byte.

    Args:
        parser: The parser of all commands.
        version: Of the program, for the foot of the pages.
    """
    found: dict[str, str] = {}
    for command, about in _commands(parser, about=parser.description or ""):
        name = _page_name(command)
        found[f"{name}.1"] = _page(command, name, about, f"{parser.prog} {version}", parser)
    return found


def _commands(
    parser: argparse.ArgumentParser, about: str
) -> Iterator[tuple[argparse.ArgumentParser, str]]:
    """A parser, the parsers below it, and what each does in one line."""
    yield parser, about
    for action in _below(parser):
        summaries = {choice.dest: choice.help or "" for choice in action._choices_actions}
        for name, command in action.choices.items():
            yield from _commands(command, summaries.get(name, ""))


def _page(
    parser: argparse.ArgumentParser,
    name: str,
    about: str,
    program: str,
    root: argparse.ArgumentParser,
) -> str:
    lines = [f'.TH {_escaped(name.upper())} 1 "" "{_escaped(program)}" "User Commands"']
    lines += [".SH NAME", f"{_escaped(name)} \\- {_escaped(about.strip().rstrip('.'))}"]
    lines += [".SH SYNOPSIS", *_verbatim(_usage(parser))]
    if parser.description:
        lines += [".SH DESCRIPTION", _text(parser.description)]
    for group in sorted(parser._action_groups, key=heading_place):
        entries = list(_entries(parser, group._group_actions))
        if entries:
            lines += [f".SH {_escaped((group.title or 'options').upper())}", *entries]
    if parser.epilog:
        examples, _, remarks = parser.epilog.partition("\n\n")
        heading, _, commands = examples.partition("\n")
        if heading in ("example:", "examples:"):
            commands = re.sub(r"^  ", "", commands, flags=re.MULTILINE)
            lines += [".SH EXAMPLES", *_verbatim(commands)]
        else:
            remarks = parser.epilog
        if remarks.strip():
            lines += [".SH NOTES", *_verbatim(remarks)]
    lines += [".SH EXIT STATUS", *_table(_EXIT_CODES)]
    if parser is root:
        lines += [".SH ENVIRONMENT", *_table(_ENVIRONMENT)]
    return "\n".join([*lines, *_see_also(parser, root)]) + "\n"


def _usage(parser: argparse.ArgumentParser) -> str:
    """Written usage as it is; argparse's own in one line, since its breaks follow the terminal."""
    if parser.usage is not None:
        return re.sub(r"^ {7}", "", parser.usage, flags=re.MULTILINE)
    return " ".join(parser.format_usage().removeprefix("usage: ").split())


def _entries(parser: argparse.ArgumentParser, actions: Sequence[argparse.Action]) -> Iterator[str]:
    """The arguments, options and commands of a group."""
    formatter = parser._get_formatter()
    for action in actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                yield from _entry(_bold(choice.dest), choice.help or "")
        elif action.help != argparse.SUPPRESS:
            about = formatter._expand_help(action) if action.help else ""
            yield from _entry(_names(formatter, action), about)


def _names(formatter: argparse.HelpFormatter, action: argparse.Action) -> str:
    """``-o, --output OUT``, with its fonts."""
    if not action.option_strings:
        default = formatter._get_default_metavar_for_positional(action)
        return _italic(formatter._format_args(action, default))
    names = ", ".join(_bold(name) for name in action.option_strings)
    if action.nargs == 0:
        return names
    default = formatter._get_default_metavar_for_optional(action)
    return f"{names} {_italic(formatter._format_args(action, default))}"


def _see_also(parser: argparse.ArgumentParser, root: argparse.ArgumentParser) -> list[str]:
    """The commands below; or else the page above."""
    pages = [_page_name(command) for a in _below(parser) for command in a.choices.values()]
    if not pages and parser is not root:
        pages = [_page_name(root)]
    if not pages:
        return []
    return [".SH SEE ALSO", ",\n".join(f"{_bold(page)}(1)" for page in pages)]


def _below(
    parser: argparse.ArgumentParser,
) -> list[argparse._SubParsersAction[argparse.ArgumentParser]]:
    return [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]


def _page_name(parser: argparse.ArgumentParser) -> str:
    return parser.prog.replace(" ", "-")


# --- the format -----------------------------------------------------------------------------------


def _entry(names: str, about: str) -> list[str]:
    return [".TP", names, _text(about)]


def _table(rows: Sequence[tuple[str, str]]) -> list[str]:
    return [line for name, about in rows for line in _entry(_bold(name), about)]


def _verbatim(text: str) -> list[str]:
    """Lines as they are."""
    return [".nf", *(_escaped(line) or "\\&" for line in text.strip("\n").splitlines()), ".fi"]


def _text(text: str) -> str:
    return _escaped(" ".join(text.split())) or "\\&"


def _bold(text: str) -> str:
    return f"\\fB{_escaped(text)}\\fR"


def _italic(text: str) -> str:
    return f"\\fI{_escaped(text)}\\fR"


def _escaped(text: str) -> str:
    """Text whose backslashes, hyphens, quotes and first characters mean themselves."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace('"', "\\(dq")
    return f"\\&{text}" if text.startswith((".", "'")) else text

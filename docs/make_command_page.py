"""Writes docs/reference/commands.md from the parsers of the commands.

python docs/make_command_page.py
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from impasto.cli.main import COMMANDS, _parser
from impasto.cli.shared.parser import HEADINGS

PAGE = Path(__file__).parent / "reference" / "commands.md"

INTRODUCTION = """\
# Commands

<!-- Written by docs/make_command_page.py from the parsers: change the options there. -->

Every command with all of its options. After a command, `-h` shows those that people use most, and
`-h all` every one. Brackets at the end of a line hold the default.

The exit code is 0 after success, 2 after a mistake in the input, with one sentence that names the
cure, and 130 after Ctrl-C.
"""


def page() -> str:
    """The whole page."""
    rows = [f"| [`{name}`](#impasto-{name}) | {about} |" for name, about in COMMANDS.items()]
    index = "\n".join(["| command | what it does |", "|---|---|", *rows]) + "\n"
    return "\n".join([INTRODUCTION, index, *map(section, COMMANDS)])


def section(name: str) -> str:
    """One command: usage, options by heading, examples; its own commands below it."""
    return "\n".join(_parts(command_parser(name), level=2))


def command_parser(name: str) -> argparse.ArgumentParser:
    """The parser of one command."""
    return _subparsers(_parser(name))[name]


def _parts(parser: argparse.ArgumentParser, level: int) -> Iterator[str]:
    yield f"{'#' * level} {parser.prog}\n"
    if parser.description:
        yield f"{parser.description}\n"
    yield f"```text\n{_usage(parser)}\n```\n"
    for group in sorted(parser._action_groups, key=_place_of):
        actions = [a for a in group._group_actions if _is_shown(a)]
        if actions:
            title = (group.title or "options").capitalize()
            yield f"| {title} | |\n|---|---|"
            yield "\n".join(_row(parser, action) for action in actions) + "\n"
    if parser.epilog:
        yield f"```text\n{_examples(parser.epilog)}\n```\n"
    for inner in _subparsers(parser).values():
        yield from _parts(inner, level + 1)


def _place_of(group: argparse._ArgumentGroup) -> int:
    """The order of the help."""
    return HEADINGS.index(group.title) if group.title in HEADINGS else -1


def _usage(parser: argparse.ArgumentParser) -> str:
    """The command's own usage, or one with what is required."""
    if parser.usage:
        own = parser.format_usage().removeprefix("usage: ")
        return "\n".join(line.strip() for line in own.splitlines())
    formatter = parser._get_formatter()
    words = [parser.prog]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return f"{parser.prog} {action.metavar}"
        if not action.option_strings:
            default = formatter._get_default_metavar_for_positional(action)
            words.append(formatter._format_args(action, default))
        elif action.required:
            default = formatter._get_default_metavar_for_optional(action)
            words += [action.option_strings[0], formatter._format_args(action, default)]
    return " ".join([*words, "[options]"])


def _examples(epilog: str) -> str:
    """The lines of the examples, without their heading and indentation."""
    text = re.sub(r"^examples?: *\n?", "", epilog)
    return re.sub(r"^  ", "", text, flags=re.MULTILINE).strip()


def _is_shown(action: argparse.Action) -> bool:
    inner = isinstance(action, argparse._SubParsersAction)
    return action.help != argparse.SUPPRESS and action.dest != "help" and not inner


def _row(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    formatter = parser._get_formatter()
    about = formatter._expand_help(action) if action.help else ""
    if action.option_strings:
        names = ", ".join(f"`{name}`" for name in action.option_strings)
        default = formatter._get_default_metavar_for_optional(action)
        values = "" if action.nargs == 0 else formatter._format_args(action, default)
    else:
        default = formatter._get_default_metavar_for_positional(action)
        values, names = formatter._format_args(action, default), ""
    cell = " ".join(part for part in (names, values and f"`{values}`") if part)
    return f"| {_in_table(cell)} | {_in_table(about)} |"


def _in_table(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    if parser._subparsers is None:
        return {}
    (action,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return dict(action.choices)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

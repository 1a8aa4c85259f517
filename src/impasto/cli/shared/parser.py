"""The parser of every command: options anywhere, help in two lengths, mistakes as one sentence.

The help of a command with many options shows those that people use first, and ``-h all`` the rest.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from impasto.cli.shared.exit_codes import WRONG_INPUT
from impasto.errors import printable, shortened

_AMERICAN = {
    "color": "colour", "optimiser": "optimizer", "optimisation": "optimization",
    "normalisation": "normalization", "iterations": "steps", "epochs": "steps",
}  # fmt: skip
"""Word of an option → the word that Impasto uses."""


HEADINGS = (
    "Source", "Style", "Content", "Clip", "Regions", "Colours", "Optimization", "File", "Output",
    "Limits", "This run",
)  # fmt: skip
"""Headings of the help, in order, after the positional arguments and ``options``."""

_ALL = "all"


def under(parser: argparse.ArgumentParser, heading: str) -> argparse._ArgumentGroup:
    """The group of options under a heading; made if it is not there yet."""
    for group in parser._action_groups:
        if group.title == heading:
            return group
    return parser.add_argument_group(heading)


class Parser(argparse.ArgumentParser):
    """A parser whose positional arguments and options may be given in any order.

    It refuses unknown options with the nearest known one, and empty arguments: they come from shell
    variables that are not set, and would name the current folder.
    """

    _is_second_pass = False
    _first: Collection[str] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "add_help": False})
        self._help = self.add_argument("-h", "--help", action=_Help, nargs=0, help="show this help")

    def show_first(self, *names: str) -> None:
        """Show only these options in the help, and all others with ``-h all``.

        The parser's usage must be set: argparse's own would name all.

        Args:
            names: Where the options' values are kept, such as ``style_weight``.
        """
        unknown = set(names) - {action.dest for action in self._actions}
        assert self.usage
        assert not unknown, f"no options: {unknown}"
        self._first = ("help", *names)
        self._help.nargs, self._help.metavar = "?", _ALL

    def format_help(self, *, everything: bool = False) -> str:
        """The help: usage, then the options by heading; see the base class.

        Args:
            everything: Whether to show also what :meth:`show_first` leaves out.
        """
        shown = [a for a in self._actions if everything or self._is_first(a)]
        formatter = self._get_formatter()
        formatter.add_usage(self.usage, shown, self._mutually_exclusive_groups)
        formatter.add_text(self.description)
        for group in sorted(self._action_groups, key=heading_place):
            formatter.start_section(group.title)
            formatter.add_text(group.description)
            formatter.add_arguments([a for a in group._group_actions if a in shown])
            formatter.end_section()
        if len(shown) < len(self._actions):
            offered = [a for a in self._actions if a.help != argparse.SUPPRESS]
            options = sum(bool(a.option_strings) for a in offered)
            formatter.add_text(f"`{self.prog} -h all` shows all {options} options.")
        formatter.add_text(self.epilog)
        return formatter.format_help()

    def _is_first(self, action: argparse.Action) -> bool:
        return not (self._first and action.option_strings) or action.dest in self._first

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Parse; see the base class."""
        if args is None or self._subparsers is not None or self._is_second_pass:
            return super().parse_known_args(args, namespace)
        self._check_words(args)
        self._is_second_pass = True
        try:
            parsed, others = self.parse_known_intermixed_args(_without_dashes(args), namespace)
        finally:
            self._is_second_pass = False
        if others:
            self.error(f"there is nothing to do with {' '.join(others)}")
        return parsed, []

    def error(self, message: str) -> NoReturn:
        """Print one sentence and exit."""
        text = printable(shortened(message)).rstrip(".")
        self.exit(WRONG_INPUT, f"impasto: {text}: `{self.prog} -h` shows the usage.\n")

    def _check_words(self, words: Sequence[str]) -> None:
        """Refuse empty arguments and unknown options, before what is missing is reported."""
        for before, word in zip(("", *words), words, strict=False):
            if word == "--":
                return
            name, equals, value = word.partition("=")
            if not word or (name.startswith("--") and equals and not value):
                place = f" after {before}" if before.startswith("-") else ""
                self.error(f"an argument{place} is empty" if not word else f"{name} is empty")
            if name.startswith("--") and " " not in name and not self._knows(name):
                near = self._nearest(name)
                hint = f", did you mean {near}?" if near else ""
                self.error(f"there is no option {name}{hint}")

    def _knows(self, name: str) -> bool:
        """Whether it is an option or the beginning of one."""
        return any(known.startswith(name) for known in self._option_string_actions)

    def _nearest(self, name: str) -> str:
        known = [option for option in self._option_string_actions if option.startswith("--")]
        for word, ours in _AMERICAN.items():
            if (changed := name.replace(word, ours)) != name and changed in known:
                return changed
        near = get_close_matches(name, known, n=1)
        return self._main_spelling(near[0]) if near else ""

    def _main_spelling(self, name: str) -> str:
        """The option of the help for which another spelling is accepted."""
        actions = self._option_string_actions
        dest = actions[name].dest
        shown = (n for n, a in actions.items() if a.dest == dest and a.help != argparse.SUPPRESS)
        return next((option for option in shown if option.startswith("--")), name)


class _Help(argparse.Action):
    """Prints the help: that of the first options, or of all with ``-h all``."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        assert isinstance(parser, Parser)
        parser._print_message(parser.format_help(everything=values == _ALL), sys.stdout)
        parser.exit()


def heading_place(group: argparse._ArgumentGroup) -> int:
    """Where a group stands in the help; groups without one of the headings come first."""
    return HEADINGS.index(group.title) if group.title in HEADINGS else -1


def _without_dashes(words: Sequence[str]) -> list[str]:
    """The words without ``--``; the names after it that begin with a dash become ``./-name``."""
    words = list(words)
    if "--" not in words:
        return words
    place = words.index("--")
    names = (f"./{word}" if word.startswith("-") else word for word in words[place + 1 :])
    return [*words[:place], *names]

"""The parser of every command: options anywhere, and mistakes as one sentence."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from impasto.cli.shared.exit_codes import WRONG_INPUT
from impasto.errors import printable, shortened

_AMERICAN = {
    "color": "colour", "optimiser": "optimizer", "optimisation": "optimization",
    "normalisation": "normalization", "iterations": "steps", "epochs": "steps",
}  # fmt: skip
"""Word of an option → the word that Impasto uses."""


class Parser(argparse.ArgumentParser):
    """A parser whose positional arguments and options may be given in any order.

    It refuses unknown options with the nearest known one, and empty arguments: they come from shell
    variables that are not set, and would name the current folder.
    """

    _is_second_pass = False

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


def _without_dashes(words: Sequence[str]) -> list[str]:
    """The words without ``--``; the names after it that begin with a dash become ``./-name``."""
    words = list(words)
    if "--" not in words:
        return words
    place = words.index("--")
    names = (f"./{word}" if word.startswith("-") else word for word in words[place + 1 :])
    return [*words[:place], *names]

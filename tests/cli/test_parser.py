"""Options anywhere, and mistakes as one sentence."""

from __future__ import annotations

import pytest

from impasto.cli.main import run
from impasto.cli.shared.parser import Parser


@pytest.fixture
def parser():
    """Of a command with two positional arguments and a few options."""
    parser = Parser(prog="impasto try")
    parser.add_argument("first")
    parser.add_argument("others", nargs="*")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--style-weight", type=float)
    parser.add_argument("--optimizer")
    parser.add_argument("--flag", action="store_true")
    return parser


@pytest.mark.parametrize(
    "words",
    [
        "a b c -o x --flag",
        "-o x --flag a b c",
        "a --flag b -o x c",
        "a -o x b c --flag",
        "-o x --flag -- a b c",
    ],
)
def test_options_may_stand_anywhere(parser, words):
    args = parser.parse_args(words.split())
    assert (args.first, args.others, args.output, args.flag) == ("a", ["b", "c"], "x", True)


def test_after_two_dashes_all_are_files(parser):
    args = parser.parse_args(["-o", "x", "--", "-photo.png", "--flag"])
    assert (args.first, args.others, args.flag) == ("./-photo.png", ["./--flag"], False)


def message(parser, capsys, *words) -> str:
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(words)
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert printed.endswith(": `impasto try -h` shows the usage.\n")
    assert printed.count("\n") == 1
    return printed.removeprefix("impasto: ").rpartition(": ")[0]


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("--stile-weight", "--style-weight"),
        ("--style-wieght=3", "--style-weight"),
        ("--optimiser", "--optimizer"),
        ("--outptu", "--output"),
        ("--nothing-like-it", ""),
    ],
)
def test_an_unknown_option_gets_the_nearest_name(parser, capsys, word, near):
    told = message(parser, capsys, "a", word, "3")
    hint = f", did you mean {near}?" if near else ""
    assert told == f"there is no option {word.partition('=')[0]}{hint}"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["a", "-o", ""], "an argument after -o is empty"),
        (["", "-o", "x"], "an argument is empty"),
        (["a", "-o", "x", "--optimizer="], "--optimizer is empty"),
    ],
)
def test_empty_arguments_are_refused(parser, capsys, words, told):
    assert message(parser, capsys, *words) == told


def test_a_wrong_value_is_shown_short(parser, capsys):
    told = message(parser, capsys, "a", "-o", "x", "--style-weight", f"{'1' * 400}x")
    assert told.endswith("'111111111111… (400 digits)x'")


@pytest.mark.parametrize("command", ["paint", "stylize", "compare"])
def test_every_command_uses_it(command, capsys):
    with pytest.raises(SystemExit):
        run([command, "a.png", "b.png", "-o", "x.png", "--color-mach", "lhm"])
    assert capsys.readouterr().err.startswith(
        "impasto: there is no option --color-mach, did you mean --colour-match?"
    )

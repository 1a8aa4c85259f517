"""Options anywhere, and mistakes as one sentence."""

from __future__ import annotations

import argparse

import pytest

from impasto.cli.main import COMMANDS, _parser, run
from impasto.cli.shared.parser import HEADINGS, Parser, under


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


# --- help in two lengths --------------------------------------------------------------------------


def help_of(parser, capsys, *words) -> str:
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(words)
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.fixture
def long_parser():
    """Of a command whose help shows some options first."""
    parser = Parser(prog="impasto try", usage="try PICTURE", epilog="the end")
    parser.add_argument("picture")
    under(parser, "This run").add_argument("--quiet", action="store_true")
    under(parser, "Style").add_argument("--style-weight", type=float)
    under(parser, "Style").add_argument("--style-loss")
    under(parser, "Style").add_argument("--style-los", dest="style_loss", help=argparse.SUPPRESS)
    under(parser, "Content").add_argument("--size", type=int)
    parser.show_first("style_weight")
    return parser


@pytest.mark.parametrize("words", [["-h"], ["--help"], ["a.png", "-h"], ["-h", "a.png"]])
def test_help_shows_what_is_used_first(long_parser, capsys, words):
    text = help_of(long_parser, capsys, *words)
    assert "--style-weight" in text
    assert "picture" in text
    assert not any(name in text for name in ("--style-loss", "--size", "--quiet"))
    assert "Content:" not in text  # a heading without options
    assert text.endswith("`impasto try -h all` shows all 5 options.\n\nthe end\n")


@pytest.mark.parametrize("words", [["-h", "all"], ["--help", "all"], ["--help=all"]])
def test_help_shows_everything_under_headings_in_one_order(long_parser, capsys, words):
    text = help_of(long_parser, capsys, *words)
    assert "-h all` shows" not in text
    names = ["picture", "Style:", "--style-weight", "--style-loss", "Content:", "--size"]
    places = [text.rindex(f"{name}") for name in [*names, "This run:", "--quiet"]]
    assert places == sorted(places)
    assert "--style-los " not in text


def test_a_command_with_few_options_has_one_help(parser, capsys):
    text = help_of(parser, capsys, "-h")
    assert "-h, --help " in text
    assert "--flag" in text
    assert " all" not in text


def command_parsers() -> dict[str, Parser]:
    """Name → parser of every command, and of those that they have."""
    parsers = {}
    for name in COMMANDS:
        parser = _parser(name)
        parsers[name] = parser._subparsers._group_actions[0].choices[name]
        if parsers[name]._subparsers is not None:
            below = parsers.pop(name)._subparsers._group_actions[0].choices
            parsers |= {f"{name} {other}": below[other] for other in below}
    return parsers


@pytest.mark.parametrize(("name", "parser"), command_parsers().items())
def test_no_help_begins_with_a_long_list(name, parser):
    visible = [a for a in parser._actions if a.option_strings and a.help != argparse.SUPPRESS]
    first = [action for action in visible if parser._is_first(action)]
    titles = {group.title for group in parser._action_groups if group._group_actions}
    if len(visible) > 20:
        assert len(first) < 15
        assert titles <= {"positional arguments", "options", *HEADINGS}
        assert len(titles - {"positional arguments"}) >= 3
    for action in first:
        assert action.help


def test_paint_shows_ten_options_under_six_headings():
    parser = command_parsers()["paint"]
    first = [a.dest for a in parser._actions if a.option_strings and parser._is_first(a)]
    assert len(set(first)) == 1 + 10  # with help
    text = parser.format_help()
    six = "Style", "Content", "Regions", "Colours", "Optimization", "This run"
    places = [text.index(f"\n{heading}:\n") for heading in six]
    assert places == sorted(places)
    assert len(text.splitlines()) < 60

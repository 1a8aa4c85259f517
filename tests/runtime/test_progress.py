"""What is most important in a progress bar is never pushed out of the line."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.progress import BarColumn, Progress
from rich.text import Text

from impasto.runtime.progress import PartsColumn, WholeParts, rest_of_line

PARTS = ("style 0.125", "content 0.25", "total variation 1.5")


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (0, ""),
        (10, ""),
        (11, "style 0.125"),
        (23, "style 0.125"),
        (24, "style 0.125 content 0.25"),
        (80, "style 0.125 content 0.25 total variation 1.5"),
    ],
)
def test_parts_are_whole_or_left_out(width, text):
    assert WholeParts(PARTS).fitted(width) == text


def test_wide_characters_count_twice():
    assert WholeParts(["画 1", "b"]).fitted(4) == "画 1"
    assert WholeParts(["画 1", "b"]).fitted(3) == ""


def line(width: int, column, **fields) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system="standard")
    bar = Progress(BarColumn(bar_width=24), column, console=console, expand=True)
    bar.add_task(fields.pop("description", ""), total=4, completed=1, **fields)
    with console.capture() as captured:
        console.print(bar.get_renderable())
    return Text.from_ansi(captured.get()).plain.rstrip("\n")


@pytest.mark.parametrize("width", [30, 40, 60, 80, 200])
def test_the_bar_is_whole_at_every_width(width):
    told = line(width, PartsColumn("losses"), losses=PARTS)
    assert "\n" not in told
    assert len(told) <= width
    assert told[:24] == "━" * 6 + "╺" + "━" * 17
    assert told[25:].rstrip() == WholeParts(PARTS).fitted(width - 25)


def test_one_long_text_is_cut():
    name = "a_photograph_with_a_very_long_name_[red].jpg"
    told = line(40, rest_of_line("{task.description}"), description=name)
    assert told[:24].count("━") == 23
    assert told[25:] == f"{name[:14]}…"

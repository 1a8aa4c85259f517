"""Progress bars over things of one kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")


def counting_bar(*, quiet: bool) -> Progress:
    """A bar on stderr, if that is a terminal: how many of all, the time left, what is in hand.

    Args:
        quiet: Show nothing.
    """
    console = Console(stderr=True)
    return Progress(
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),  # a file may be called [red]
        console=console,
        disable=quiet or not console.is_terminal,
    )


def counted(items: Sequence[T], name: Callable[[T], str], *, quiet: bool) -> Iterator[T]:
    """The items, one after the other, with a bar.

    Args:
        items: What is gone through.
        name: What the bar calls an item while it is in hand.
        quiet: Show nothing.
    """
    with counting_bar(quiet=quiet) as bar:
        task = bar.add_task("", total=len(items))
        for item in items:
            bar.update(task, description=name(item))
            yield item
            bar.advance(task)

"""Progress bars that count items."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from impasto.errors import printable
from impasto.runtime.progress import rest_of_line
from impasto.runtime.terminal import console

T = TypeVar("T")


def counting_bar(*, quiet: bool) -> Progress:
    """A bar with the count, the time left and the current item, if stderr is a terminal.

    The item has the rest of the line.
    """
    bars = console(stderr=True)
    return Progress(
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        rest_of_line("{task.description}"),  # without markup: a file may be called [red]
        console=bars,
        disable=quiet or not bars.is_terminal,
        expand=True,
    )


def counted(items: Sequence[T], name: Callable[[T], str], *, quiet: bool) -> Iterator[T]:
    """Iterate over items with a bar, which shows the name of the current one."""
    with counting_bar(quiet=quiet) as bar:
        task = bar.add_task("", total=len(items))
        for item in items:
            bar.update(task, description=printable(name(item)))
            yield item
            bar.advance(task)

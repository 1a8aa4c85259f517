"""Progress bars that count items."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")


def counting_bar(*, quiet: bool) -> Progress:
    """A bar with the count, the time left and the current item, if stderr is a terminal."""
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
    """Iterate over items with a bar, which shows the name of the current one."""
    with counting_bar(quiet=quiet) as bar:
        task = bar.add_task("", total=len(items))
        for item in items:
            bar.update(task, description=name(item))
            yield item
            bar.advance(task)

"""A bar for work that tells a step in words and the share of it that is done."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.progress import BarColumn, Progress

from impasto.runtime.progress import rest_of_line
from impasto.runtime.terminal import console


@contextlib.contextmanager
def share_bar(*, hidden: bool) -> Iterator[Callable[[str, float], None]]:
    """A bar on stderr, if that is a terminal.

    Args:
        hidden: Whether to show none.

    Yields:
        What moves it: takes a step in words and the share done, 0 to 1.
    """
    bars = console(stderr=True)
    columns = (BarColumn(bar_width=24), rest_of_line("{task.description}"))
    is_off = hidden or not bars.is_terminal
    with Progress(*columns, console=bars, disable=is_off, expand=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda step, share: bar.update(task, description=step, completed=share)

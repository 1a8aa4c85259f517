"""Columns of progress bars that leave the line to what matters more."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.progress import ProgressColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text


class WholeParts:
    """Parts of a text, as many of the first as fit on the rest of the line; none is cut.

    Args:
        parts: Such as losses with their names, the important ones first.
    """

    def __init__(self, parts: Sequence[str]) -> None:
        self.parts = tuple(parts)

    def fitted(self, width: int) -> str:
        """The text of at most ``width`` columns."""
        text = ""
        for part in self.parts:
            longer = f"{text} {part}".lstrip()
            if cell_len(longer) > width:
                break
            text = longer
        return text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(self.fitted(options.max_width), no_wrap=True)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        width = cell_len(" ".join(self.parts))
        return Measurement(0, min(width, options.max_width))


class PartsColumn(ProgressColumn):
    """A column of :class:`WholeParts` on the rest of the line, in a bar that is expanded.

    Args:
        field: Of the task: its parts.
    """

    def __init__(self, field: str) -> None:
        super().__init__(Column(ratio=1, no_wrap=True))
        self._field = field

    def render(self, task: Task) -> WholeParts:
        """The parts of a task."""
        return WholeParts(task.fields[self._field])


def rest_of_line(text: str) -> TextColumn:
    """A column of one text on the rest of the line, cut with ``…`` if it is too long."""
    column = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    return TextColumn(text, markup=False, table_column=column)

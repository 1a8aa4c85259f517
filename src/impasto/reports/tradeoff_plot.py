"""Content loss against style loss of the cells of a grid, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from impasto.runtime.plotting import COLOURS, INK, as_svg, in_ink, log_where_wide, page_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

_PLACES = tuple(
    (across * far, up * far - 4 * (up < 1))
    for far in (6, 14, 22)
    for across, up in ((1, 0.5), (1, -1), (-1, 0.5), (-1, -1), (0, 1), (0, -1))
)
"""Where a label may stand, in points from its mark; the first that is free is taken."""


class Point(NamedTuple):
    """A cell of the plot.

    Attributes:
        mark: What it is called in the grid.
        row: Its row; those of one row are joined by a line.
        content: Its content loss.
        style: Its style loss.
    """

    mark: str
    row: int
    content: float
    style: float


def tradeoff(points: Sequence[Point]) -> str:
    """The plot as an SVG element; each mark links to the cell of that name.

    Args:
        points: At least one, row by row.

    Raises:
        OptionError: If matplotlib is missing.
    """
    figure = page_figure(6.5, 4.5)
    axes = figure.add_subplot()
    labels = []
    for row in dict.fromkeys(point.row for point in points):
        colour = COLOURS[row % len(COLOURS)]
        own = [point for point in points if point.row == row]
        across, up = [point.content for point in own], [point.style for point in own]
        axes.plot(across, up, color=colour, linewidth=1, alpha=0.8)
        axes.scatter(across, up, s=26, color=colour, urls=[f"#{p.mark}" for p in own], zorder=3)
        labels += [
            axes.annotate(
                point.mark, (point.content, point.style), xytext=_PLACES[0], color=INK, fontsize=9,
                textcoords="offset points", url=f"#{point.mark}",
            )
            for point in own
        ]  # fmt: skip
    log_where_wide(axes, "x", [point.content for point in points])
    log_where_wide(axes, "y", [point.style for point in points])
    axes.set_xlabel("content loss: less is more of the photograph")
    axes.set_ylabel("style loss: less is more of the painting")
    axes.grid(color=INK, alpha=0.2)
    in_ink(axes)
    figure.draw_without_rendering()
    _spread(axes, points, labels)
    return as_svg(figure)


def _spread(axes: Axes, points: Sequence[Point], labels: Sequence[Annotation]) -> None:
    """Move labels to where they cover neither a mark nor each other."""
    from matplotlib.transforms import Bbox

    middles = axes.transData.transform([(point.content, point.style) for point in points])
    taken = [Bbox.from_bounds(x - 3, y - 3, 6, 6) for x, y in middles]
    for label in labels:
        for place in _PLACES:
            side = "left" if place[0] > 0 else "right" if place[0] < 0 else "center"
            label.set(position=place, horizontalalignment=side)
            box = label.get_window_extent()
            if not box.count_overlaps(taken):
                break
        taken.append(box)

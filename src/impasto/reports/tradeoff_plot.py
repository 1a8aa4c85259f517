"""Content loss against style loss of the cells of a study, as SVG to embed in a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from impasto.runtime.plotting import (
    COLOURS,
    TEXT_COLOUR,
    as_svg,
    log_scale_if_wide,
    style_axes,
    transparent_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation

_LABEL_OFFSETS = tuple(
    (x * distance, y * distance - 4 * (y < 1))
    for distance in (6, 14, 22)
    for x, y in ((1, 0.5), (1, -1), (-1, 0.5), (-1, -1), (0, 1), (0, -1))
)
"""Offsets of a label from its point, in typographic points; the first free one is used."""


class Point(NamedTuple):
    """A cell of the plot.

    Attributes:
        mark: Its name in the grid, such as ``B2``.
        row: Its row; a line joins the points of a row.
        content: Content loss.
        style: Style loss.
    """

    mark: str
    row: int
    content: float
    style: float


def tradeoff_plot(points: Sequence[Point]) -> str:
    """The plot as an SVG element; each mark links to the cell of that name.

    Args:
        points: At least one, row by row.

    Raises:
        OptionError: matplotlib is missing.
    """
    figure = transparent_figure(6.5, 4.5)
    axes = figure.add_subplot()
    labels = []
    for row in dict.fromkeys(point.row for point in points):
        colour = COLOURS[row % len(COLOURS)]
        in_row = [point for point in points if point.row == row]
        x, y = [point.content for point in in_row], [point.style for point in in_row]
        axes.plot(x, y, color=colour, linewidth=1, alpha=0.8)
        axes.scatter(x, y, s=26, color=colour, urls=[f"#{p.mark}" for p in in_row], zorder=3)
        labels += [
            axes.annotate(
                point.mark, (point.content, point.style), xytext=_LABEL_OFFSETS[0],
                textcoords="offset points", color=TEXT_COLOUR, fontsize=9, url=f"#{point.mark}",
            )
            for point in in_row
        ]  # fmt: skip
    log_scale_if_wide(axes, "x", [point.content for point in points])
    log_scale_if_wide(axes, "y", [point.style for point in points])
    axes.set_xlabel("content loss: lower is closer to the photograph")
    axes.set_ylabel("style loss: lower is closer to the painting")
    axes.grid(color=TEXT_COLOUR, alpha=0.2)
    style_axes(axes)
    figure.draw_without_rendering()
    _place_labels(axes, points, labels)
    return as_svg(figure)


def _place_labels(axes: Axes, points: Sequence[Point], labels: Sequence[Annotation]) -> None:
    """Move labels to where they overlap neither points nor each other."""
    from matplotlib.transforms import Bbox

    centres = axes.transData.transform([(point.content, point.style) for point in points])
    taken = [Bbox.from_bounds(x - 3, y - 3, 6, 6) for x, y in centres]
    for label in labels:
        for offset in _LABEL_OFFSETS:
            side = "left" if offset[0] > 0 else "right" if offset[0] < 0 else "center"
            label.set(position=offset, horizontalalignment=side)
            box = label.get_window_extent()
            if not box.count_overlaps(taken):
                break
        taken.append(box)

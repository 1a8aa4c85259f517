"""Pareto plot: content loss against style loss, a point for each result."""

from __future__ import annotations

import math
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.errors import printable
from impasto.evaluation.results import EvaluatedResult, summarize
from impasto.metrics.bootstrap import Interval
from impasto.runtime.files import atomic_write
from impasto.runtime.optional import require
from impasto.runtime.plotting import COLOURS, log_scale_if_wide

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

X_METRIC, Y_METRIC = "content", "gram"

_COLOURS = (*COLOURS, "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_LEGEND_WIDTH = 26  # characters per line


def check_plotting() -> None:
    """Check that a plot can be drawn, before long work.

    Raises:
        OptionError: matplotlib is missing.
    """
    require("matplotlib", by="The scatter plot", hint="or leave the plot out")


def write_scatter(path: Path, rows: Sequence[EvaluatedResult]) -> None:
    """Write the plot as PNG, atomically.

    Raises:
        OptionError: matplotlib is missing.
    """
    figure = draw_scatter(rows)
    with atomic_write(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(temporary, metadata={"impasto": '{"impasto": "a plot"}'})


def draw_scatter(rows: Sequence[EvaluatedResult]) -> Figure:
    """The plot: a colour and marker for each method, its mean with a black outline.

    Args:
        rows: At least one; all with values of ``X_METRIC`` and ``Y_METRIC``.

    Raises:
        OptionError: matplotlib is missing.
    """
    check_plotting()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    handles, labels = [], []
    for number, (method, means) in enumerate(summarize(rows).items()):
        of_method = [row.values for row in rows if row.method == method]
        colour, marker = _COLOURS[number % len(_COLOURS)], _MARKERS[number % len(_MARKERS)]
        x, y = ([values[name] for values in of_method] for name in (X_METRIC, Y_METRIC))
        axes.scatter(x, y, s=24, c=colour, marker=marker, alpha=0.55, linewidths=0)
        handles.append(_mark_mean(axes, means[X_METRIC], means[Y_METRIC], colour, marker))
        # matplotlib reads $ as the start of a formula, and leaves out names that begin with _.
        plain = textwrap.fill(printable(method), _LEGEND_WIDTH).replace("$", r"\$")
        labels.append(f"{' ' * plain.startswith('_')}{plain} ({len(of_method)})")
    for axis, name in (("x", X_METRIC), ("y", Y_METRIC)):
        _scale(axes, axis, [row.values[name] for row in rows])
    axes.set_xlabel("content loss (relu4_1, relative): lower is closer to the photograph")
    axes.set_ylabel("style loss (Gram, relative): lower is closer to the painting")
    axes.set_title("Each point a picture; outlined: the mean and its 95 % interval", fontsize=10)
    axes.grid(alpha=0.25)
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=9)
    return figure


def _mark_mean(axes: Axes, x: Interval, y: Interval, colour: str, marker: str) -> Artist:
    """Draw a mean, and its intervals if there are any."""
    if math.isfinite(x.low):
        axes.hlines(y.mean, x.low, x.high, colors=colour, linewidth=1.2, zorder=3)
        axes.vlines(x.mean, y.low, y.high, colors=colour, linewidth=1.2, zorder=3)
    return axes.scatter(
        x.mean, y.mean, s=110, c=colour, marker=marker, edgecolors="black", linewidths=1.4,
        zorder=4,
    )  # fmt: skip


def _scale(axes: Axes, axis: str, values: Sequence[float]) -> None:
    """Logarithmic for a wide range of positive values, else linear from 0."""
    if not log_scale_if_wide(axes, axis, values):
        axes.set(**{f"{axis}lim": (-0.02 * (max(values) or 1), None)})  # a mark at 0 is whole

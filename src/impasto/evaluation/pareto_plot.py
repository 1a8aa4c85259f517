"""The Pareto picture: content loss against style loss, every result a point."""

from __future__ import annotations

import math
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.evaluation.results import Evaluated, summary
from impasto.metrics.bootstrap import Interval
from impasto.runtime.files import replacing
from impasto.runtime.optional import require
from impasto.runtime.plotting import COLOURS, log_where_wide

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACROSS, UP = "content", "gram"
"""The metrics of the two axes."""

_COLOURS = (*COLOURS, "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_LETTERS = 26  # of a method's name on a line of the legend


def check_plotting() -> None:
    """Whether a plot can be drawn, for before long work.

    Raises:
        OptionError: If matplotlib is missing.
    """
    require("matplotlib", by="The scatter plot", hint="or leave the plot out")


def write_scatter(path: Path, rows: Sequence[Evaluated]) -> None:
    """Write the plot as PNG, whole or not at all.

    Raises:
        OptionError: If matplotlib is missing.
    """
    figure = draw_scatter(rows)
    with replacing(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(temporary)


def draw_scatter(rows: Sequence[Evaluated]) -> Figure:
    """The plot: one colour and marker a method, the means ringed, the legend beside it.

    Args:
        rows: At least one; all with the figures ``ACROSS`` and ``UP``.

    Raises:
        OptionError: If matplotlib is missing.
    """
    check_plotting()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    handles, labels = [], []
    for number, (method, means) in enumerate(summary(rows).items()):
        own = [row.figures for row in rows if row.method == method]
        colour, marker = _COLOURS[number % len(_COLOURS)], _MARKERS[number % len(_MARKERS)]
        across, up = [f[ACROSS] for f in own], [f[UP] for f in own]
        axes.scatter(across, up, s=24, c=colour, marker=marker, alpha=0.55, linewidths=0)
        handles.append(_mark_mean(axes, means[ACROSS], means[UP], colour, marker))
        # A $ would begin a formula, and a name that begins with _ would be left out.
        plain = textwrap.fill(method, _LETTERS).replace("$", r"\$")
        labels.append(f"{' ' * plain.startswith('_')}{plain} ({len(own)})")
    for axis, name in (("x", ACROSS), ("y", UP)):
        _scale(axes, axis, [row.figures[name] for row in rows])
    axes.set_xlabel("content loss (relu4_1, relative): less is more of the photograph")
    axes.set_ylabel("style loss (Gram, relative): less is more of the painting")
    axes.set_title("Each point a picture; ringed: the mean, with its 95 % interval", fontsize=10)
    axes.grid(alpha=0.25)
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=9)
    return figure


def _mark_mean(axes: Axes, across: Interval, up: Interval, colour: str, marker: str) -> Artist:
    """The mean, and its intervals if there are any."""
    if math.isfinite(across.low):
        axes.hlines(up.mean, across.low, across.high, colors=colour, linewidth=1.2, zorder=3)
        axes.vlines(across.mean, up.low, up.high, colors=colour, linewidth=1.2, zorder=3)
    return axes.scatter(
        across.mean, up.mean, s=110, c=colour, marker=marker, edgecolors="black", linewidths=1.4,
        zorder=4,
    )  # fmt: skip


def _scale(axes: Axes, axis: str, values: Sequence[float]) -> None:
    """Logarithmic if the values are above zero and far apart, or else from zero."""
    if not log_where_wide(axes, axis, values):
        axes.set(**{f"{axis}lim": (-0.02 * (max(values) or 1), None)})  # a mark at 0 is whole

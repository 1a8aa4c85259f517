"""What every plot of ours has in common."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from impasto.runtime.optional import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe & Ito 2008: told apart by all eyes, on light paper and on dark."""

INK = "#8a857c"
"""Of axes and letters; in a page they take on the colour of the text around them."""

_WIDE = 10  # times the least: from there on an axis is logarithmic


def page_figure(width: float, height: float) -> Figure:
    """A figure for a page, in inches, with nothing behind it.

    Raises:
        OptionError: If matplotlib is missing.
    """
    require("matplotlib", by="A plot")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0)
    return figure


def in_ink(axes: Axes) -> None:
    """The lines and letters of axes in the colour of a page's text, with nothing behind them."""
    axes.patch.set_alpha(0)
    axes.tick_params(colors=INK, which="both")
    for spine in axes.spines.values():
        spine.set_color(INK)
    for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
        text.set_color(INK)


def log_where_wide(axes: Axes, axis: str, values: Sequence[float]) -> bool:
    """Make an axis logarithmic if its values are above zero and far apart; whether it is now.

    Args:
        axes: Of the plot.
        axis: ``"x"`` or ``"y"``.
        values: All that the axis shows.
    """
    from matplotlib.ticker import LogLocator

    if min(values) <= 0 or max(values) <= _WIDE * min(values):
        return False
    axes.set(**{f"{axis}scale": "log"})
    scale = axes.xaxis if axis == "x" else axes.yaxis
    scale.set_major_formatter(_in_full)
    scale.set_minor_locator(LogLocator(subs=(2, 3, 5)))
    scale.set_minor_formatter(_in_full)
    return True


def as_svg(figure: Figure) -> str:
    """The figure as an SVG element to be put into a page, the same for the same figure."""
    from matplotlib import rc_context

    stream = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    # Letters as letters, so that they can be read out and searched.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "impasto"}):
        figure.savefig(stream, format="svg", metadata=nothing)
    text = stream.getvalue()
    return text[text.index("<svg") :].replace(INK, "currentColor")


def _in_full(value: float, place: float) -> str:
    """0.02, not 2 × 10⁻²."""
    return f"{value:g}"

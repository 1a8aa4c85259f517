"""The common style of all matplotlib plots."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from impasto.runtime.optional import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe & Ito 2008: distinct for the colour-blind too, on light and dark backgrounds."""

TEXT_COLOUR = "#8a857c"
"""Of axes and text; in a page it becomes the colour of the surrounding text."""

_LOG_RATIO = 10
"""Largest over smallest value above which an axis is logarithmic."""


def transparent_figure(width: float, height: float) -> Figure:
    """A figure of a size in inches, without a background, for a page.

    Raises:
        OptionError: If matplotlib is not installed.
    """
    require("matplotlib", by="A plot")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0)
    return figure


def style_axes(axes: Axes) -> None:
    """Draw the lines and text of axes in ``TEXT_COLOUR``, without a background."""
    axes.patch.set_alpha(0)
    axes.tick_params(colors=TEXT_COLOUR, which="both")
    for spine in axes.spines.values():
        spine.set_color(TEXT_COLOUR)
    for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
        text.set_color(TEXT_COLOUR)


def log_scale_if_wide(axes: Axes, axis: str, values: Sequence[float]) -> bool:
    """Make an axis logarithmic if its values are positive and span more than a factor of ten.

    Returns:
        Whether the axis is logarithmic now.
    """
    from matplotlib.ticker import LogLocator

    if min(values) <= 0 or max(values) <= _LOG_RATIO * min(values):
        return False
    axes.set(**{f"{axis}scale": "log"})
    scale = axes.xaxis if axis == "x" else axes.yaxis
    scale.set_major_formatter(_plain_number)
    scale.set_minor_locator(LogLocator(subs=(2, 3, 5)))
    scale.set_minor_formatter(_plain_number)
    return True


def as_svg(figure: Figure) -> str:
    """A figure as an SVG element to embed in a page; equal figures give equal text."""
    from matplotlib import rc_context

    stream = io.StringIO()
    no_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    # Text as text, not as paths, so that it can be searched and read by screen readers.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "impasto"}):
        figure.savefig(stream, format="svg", metadata=no_metadata)
    text = stream.getvalue()
    return text[text.index("<svg") :].replace(TEXT_COLOUR, "currentColor")


def _plain_number(value: float, position: float) -> str:
    """0.02, not 2 × 10⁻²."""
    return f"{value:g}"

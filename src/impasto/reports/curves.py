"""Loss curves of a painting as SVG, to be put into a page."""

from __future__ import annotations

import io
from collections.abc import Sequence

from impasto.extras import require
from impasto.painting import Row, losses_of
from impasto.plots import COLOURS
from impasto.terms import by_kind

_INK = "#8a857c"
"""Of axes and letters: readable on both."""


def terms(rows: Sequence[Row]) -> dict[str, list[float]]:
    """Term → its weighted loss at every step, the layers of a term summed; ``loss`` is the sum."""
    found: dict[str, list[float]] = {}
    for number, row in enumerate(rows):
        for kind, value in by_kind(losses_of(row)).items():
            # A term that comes in later was not wished for before.
            found.setdefault(kind, [float("nan")] * number).append(value)
    return found


def curves(rows: Sequence[Row]) -> str:
    """Every term against the step, linear and logarithmic, with the sizes marked: an SVG element.

    Args:
        rows: The loss history, at least one step.
    """
    require("matplotlib", by="A plot")
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # Letters as letters, so that they can be read out and searched; no date, so that the same
    # history gives the same page.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "impasto"}):
        figure = Figure(figsize=(11, 4), layout="constrained")
        figure.patch.set_alpha(0)
        found = terms(rows)
        for place, scale in enumerate(("linear", "log"), 1):
            axes = figure.add_subplot(1, 2, place)
            axes.patch.set_alpha(0)
            names = ["loss", *(name for name in found if name != "loss")]
            for index, name in enumerate(names):
                values = found[name]
                steps = range(len(rows) - len(values) + 1, len(rows) + 1)
                colour = _INK if name == "loss" else COLOURS[(index - 1) % len(COLOURS)]
                axes.plot(steps, values, color=colour, label=name, linewidth=1.4)
            for step, size in _sizes(rows):
                axes.axvline(step, color=_INK, linewidth=0.5, linestyle=":")
                if scale == "log":
                    axes.annotate(
                        str(size), (step, 1.0), xycoords=("data", "axes fraction"), color=_INK,
                        fontsize=7, xytext=(2, -8), textcoords="offset points",
                    )  # fmt: skip
            axes.set_yscale(scale)
            axes.set_title(f"weighted losses, {scale}", color=_INK, fontsize=10)
            axes.set_xlabel("step, over all sizes", color=_INK)
            axes.tick_params(colors=_INK, which="both")
            for spine in axes.spines.values():
                spine.set_color(_INK)
            if scale == "linear":
                top = sorted(found["loss"])[int(0.98 * (len(rows) - 1))]
                axes.set_ylim(0, 1.05 * top if top > 0 else None)
                axes.legend(frameon=False, labelcolor=_INK)
        stream = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(stream, format="svg", metadata=nothing)
    text = stream.getvalue()
    return text[text.index("<svg") :]


def _sizes(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """The step at which each size begins, and its long side."""
    begins = []
    stage = None
    for number, row in enumerate(rows, 1):
        if row["stage"] != stage:
            stage = row["stage"]
            begins.append((number, int(max(row["height"], row["width"]))))
    return begins

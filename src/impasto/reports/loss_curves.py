"""Loss curves of a painting as SVG, to be put into a page."""

from __future__ import annotations

from collections.abc import Sequence

from impasto.jobs.results import Row, losses_of
from impasto.objective.terms import by_kind
from impasto.runtime.plotting import COLOURS, INK, as_svg, in_ink, page_figure


def terms(rows: Sequence[Row]) -> dict[str, list[float]]:
    """Term → its weighted loss at every step, the layers of a term summed; ``loss`` is the sum."""
    found: dict[str, list[float]] = {}
    for number, row in enumerate(rows):
        for kind, value in by_kind(losses_of(row)).items():
            # A term that comes in later was not wished for before.
            found.setdefault(kind, [float("nan")] * number).append(value)
    return found


def curves(rows: Sequence[Row]) -> str:
    """Every term against the step, linear and logarithmic, with the sizes marked: SVG elements.

    Args:
        rows: The loss history, at least one step.

    Raises:
        OptionError: If matplotlib is missing.
    """
    return "\n".join(_curves(rows, scale) for scale in ("linear", "log"))


def _curves(rows: Sequence[Row], scale: str) -> str:
    figure = page_figure(5.5, 4)
    axes = figure.add_subplot()
    found = terms(rows)
    names = ["loss", *(name for name in found if name != "loss")]
    for index, name in enumerate(names):
        values = found[name]
        steps = range(len(rows) - len(values) + 1, len(rows) + 1)
        colour = INK if name == "loss" else COLOURS[(index - 1) % len(COLOURS)]
        axes.plot(steps, values, color=colour, label=name, linewidth=1.4)
    for step, size in _sizes(rows):
        axes.axvline(step, color=INK, linewidth=0.5, linestyle=":")
        if scale == "log":
            axes.annotate(
                str(size), (step, 1.0), xycoords=("data", "axes fraction"), color=INK,
                fontsize=7, xytext=(2, -8), textcoords="offset points",
            )  # fmt: skip
    axes.set_yscale(scale)
    axes.set_title(f"weighted losses, {scale}", fontsize=10)
    axes.set_xlabel("step, over all sizes")
    in_ink(axes)
    if scale == "linear":
        top = sorted(found["loss"])[int(0.98 * (len(rows) - 1))]
        axes.set_ylim(0, 1.05 * top if top > 0 else None)
        axes.legend(frameon=False, labelcolor=INK)
    return as_svg(figure)


def _sizes(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """The step at which each size begins, and its long side."""
    begins = []
    stage = None
    for number, row in enumerate(rows, 1):
        if row["stage"] != stage:
            stage = row["stage"]
            begins.append((number, int(max(row["height"], row["width"]))))
    return begins

"""Loss curves of a painting, as SVG to embed in a page."""

from __future__ import annotations

from collections.abc import Sequence

from impasto.jobs.results import Row, losses_of
from impasto.objective.terms import sum_by_term
from impasto.runtime.plotting import COLOURS, TEXT_COLOUR, as_svg, style_axes, transparent_figure


def losses_by_term(rows: Sequence[Row]) -> dict[str, list[float]]:
    """Term → its weighted loss at every step, summed over layers; ``loss`` is the total."""
    losses: dict[str, list[float]] = {}
    for number, row in enumerate(rows):
        for kind, value in sum_by_term(losses_of(row)).items():
            # A term that starts later has no value before.
            losses.setdefault(kind, [float("nan")] * number).append(value)
    return losses


def loss_curves(rows: Sequence[Row]) -> str:
    """Every term against the step, on a linear and a logarithmic scale, as SVG elements.

    Dotted lines mark where a new size begins.

    Args:
        rows: The loss history, at least one step.

    Raises:
        OptionError: matplotlib is missing.
    """
    return "\n".join(_curves(rows, scale) for scale in ("linear", "log"))


def _curves(rows: Sequence[Row], scale: str) -> str:
    figure = transparent_figure(5.5, 4)
    axes = figure.add_subplot()
    losses = losses_by_term(rows)
    names = ["loss", *(name for name in losses if name != "loss")]
    for index, name in enumerate(names):
        values = losses[name]
        steps = range(len(rows) - len(values) + 1, len(rows) + 1)
        colour = TEXT_COLOUR if name == "loss" else COLOURS[(index - 1) % len(COLOURS)]
        axes.plot(steps, values, color=colour, label=name, linewidth=1.4)
    for step, size in _size_changes(rows):
        axes.axvline(step, color=TEXT_COLOUR, linewidth=0.5, linestyle=":")
        if scale == "log":
            axes.annotate(
                str(size), (step, 1.0), xycoords=("data", "axes fraction"), color=TEXT_COLOUR,
                fontsize=7, xytext=(2, -8), textcoords="offset points",
            )  # fmt: skip
    axes.set_yscale(scale)
    axes.set_title(f"weighted losses, {scale}", fontsize=10)
    axes.set_xlabel("step (all sizes)")
    style_axes(axes)
    if scale == "linear":
        top = sorted(losses["loss"])[int(0.98 * (len(rows) - 1))]
        axes.set_ylim(0, 1.05 * top if top > 0 else None)
        axes.legend(frameon=False, labelcolor=TEXT_COLOUR)
    return as_svg(figure)


def _size_changes(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """The step at which each size begins, and its long side."""
    changes = []
    stage = None
    for number, row in enumerate(rows, 1):
        if row["stage"] != stage:
            stage = row["stage"]
            changes.append((number, int(max(row["height"], row["width"]))))
    return changes

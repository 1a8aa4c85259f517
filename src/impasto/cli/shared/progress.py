"""How a painting in progress looks on a terminal."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from impasto.objective.terms import by_kind
from impasto.optim.loop import Step
from impasto.painting.pyramid import Stage


class PaintingBar:
    """A bar over the work of all sizes, with the losses and the time left.

    Steps at a large size count for more than steps at a small one, by their pixels.

    Args:
        stages: Of the painting.
        quiet: Show nothing.
        done: Steps made before this run, at the first of the sizes that is still to be finished.
    """

    def __init__(self, stages: tuple[Stage, ...], *, quiet: bool, done: float = 0.0) -> None:
        self._stages = stages
        self._start = done
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.fields[losses]}"),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("painting", total=1.0, left="", losses="")
        self._quiet = quiet

    def __enter__(self) -> PaintingBar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, step: Step) -> None:
        """Show a step; a note of the optimizer gets a line of its own."""
        height, width = step.size
        share = work_share(self._stages, step.stage, step.step)
        pace = max(share - self._start, 1e-9) / max(step.seconds, 1e-9)
        self._bar.update(
            self._task,
            completed=share,
            description=f"{width}×{height} {step.step}/{step.of}",
            left=f"{clock((1 - share) / pace)} left",
            losses=_losses(step),
        )
        if step.note and not self._quiet:
            print(f"impasto: {step.note}", file=sys.stderr)


def work_share(stages: tuple[Stage, ...], stage: int, step: int) -> float:
    """What share of the whole work is done after ``step`` steps of a stage."""
    total = sum(s.work for s in stages)
    before = sum(s.work for s in stages[:stage])
    return (before + stages[stage].work * step / max(1, stages[stage].steps)) / total


def clock(seconds: float) -> str:
    """A duration for people: ``8 s``, ``2:05``, ``1:02:05``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _losses(step: Step) -> str:
    """The terms, those of several layers summed: ``content .021 style .034``."""
    return " ".join(f"{kind} {value:.3g}" for kind, value in by_kind(step.losses).items())

"""What a person sees of a run: a progress bar, in a notebook with the picture so far."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as RichProgress

from impasto import images
from impasto.errors import printable
from impasto.jobs.events import Event, Note, Preview, Progress
from impasto.jobs.resources import Resources
from impasto.jobs.results import Result
from impasto.jobs.run import RunOptions, run
from impasto.jobs.video_request import AnyRequest
from impasto.objective.terms import sum_by_term
from impasto.runtime.progress import PartsColumn
from impasto.runtime.terminal import console

PREVIEW_SECONDS = 0.5
"""Time between two pictures that are shown."""

Callback: TypeAlias = Callable[[Event], object]
"""Takes every event of a run; what returns False stops the run."""


class ProgressBar:
    """A bar on stderr over the work of all sizes, with the losses and the time left.

    Args:
        quiet: Show nothing. A bar is shown on terminals and in notebooks only.
        title: Before the size.
    """

    def __init__(self, *, quiet: bool = False, title: str = "") -> None:
        bars = console(stderr=True)
        self._bar = RichProgress(
            TextColumn("{task.description}", markup=False),  # a file may be called [red]
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}"),
            PartsColumn("losses"),
            console=bars,
            disable=quiet or not (bars.is_terminal or bars.is_jupyter),
            expand=True,
        )
        self._title = f"{printable(title)} " if title else ""
        self._task = self._bar.add_task(f"{self._title}painting", total=1.0, left="", losses=())

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # the terminal may have been closed
            self._bar.stop()

    def show(self, event: Event) -> None:
        """Show a step; other events leave the bar as it is."""
        if not isinstance(event, Progress):
            return
        height, width = event.size
        label = f"{printable(event.label)} {width}×{height}".lstrip()
        left = "" if event.seconds_left is None else f"{clock(event.seconds_left)} left"
        losses = sum_by_term(event.losses).items()
        with contextlib.suppress(OSError):
            self._bar.update(
                self._task,
                completed=event.share,
                description=f"{self._title}{label} {event.step}/{event.of}",
                left=left,
                losses=tuple(f"{kind} {value:.3g}" for kind, value in losses),
            )


def watch(
    request: AnyRequest,
    options: RunOptions | None = None,
    *,
    resources: Resources | None = None,
    callback: Callback | None = None,
) -> Result:
    """Run a request to the end with a progress bar, and in a notebook with previews.

    Interrupting the kernel, or Ctrl-C, stops after the current step and returns the result so far.

    Args:
        request: What to make.
        options: How.
        resources: Encoders and models that are open already; fresh ones by default.
        callback: Called with every event; the run stops after the current step if it returns False.
    """
    handle = _notebook_handle()
    chosen = dataclasses.replace(
        options or RunOptions(),
        handle_interrupt=True,
        preview_seconds=None if handle is None else PREVIEW_SECONDS,
    )

    def listen(event: Event) -> None:
        bar.show(event)
        if callback is not None and callback(event) is False:
            running.stop()

    running = run(request, chosen, resources=resources, listener=listen)
    with ProgressBar() as bar, running:
        for event in running:
            if isinstance(event, Preview) and handle is not None:
                handle.update(images.to_pil(event.image))
            elif isinstance(event, Note):
                print(event.text, file=sys.stderr)
    return running.result


def clock(seconds: float) -> str:
    """A duration for people: ``8 s``, ``2:05``, ``1:02:05``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _notebook_handle() -> Any:
    """A place in the notebook for a picture that changes, or None outside of notebooks."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    display: Any = importlib.import_module("IPython.display").display
    return display(display_id=True)

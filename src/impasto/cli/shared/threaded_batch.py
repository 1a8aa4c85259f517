"""Pictures painted in one pass, several at a time: each in a thread of its own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.progress import Progress as Bar

from impasto import images
from impasto.cli.shared.batch import BatchItem
from impasto.errors import ImpastoError, printable
from impasto.jobs.events import Event, Note, Planned, Progress
from impasto.jobs.requests import StylizeRequest
from impasto.jobs.resources import Resources
from impasto.jobs.results import Result
from impasto.jobs.run import RunOptions
from impasto.jobs.run import run as run_request
from impasto.runtime.devices import find_device
from impasto.runtime.interrupts import GRACE_SECONDS, StepAbandoned, StopRequest
from impasto.runtime.memory import default_memory_budget, keep_freed_memory, memory_errors
from impasto.runtime.workers import map_in_threads


@dataclass
class Painted:
    """What became of a picture.

    Attributes:
        seconds: For painting, without reading and writing.
        error: Why there is no picture.
        notes: To be printed.
        is_abandoned: Whether it was left unfinished after Ctrl-C.
    """

    seconds: float = 0.0
    error: ImpastoError | None = None
    notes: list[Note] = field(default_factory=list)
    is_abandoned: bool = False


@dataclass
class ThreadedBatch:
    """Pictures that are painted and saved several at a time.

    Attributes:
        requests: One for each item.
        items: Where the pictures come from, and where they go.
        options: Of a single run; the memory is divided among the threads.
        resources: Shared by all.
        save: Writes a picture.
        workers: Number of threads.
    """

    requests: Sequence[StylizeRequest]
    items: Sequence[BatchItem]
    options: RunOptions
    resources: Resources
    save: Callable[[Result, Path], object]
    workers: int

    def paint(self, bar: Bar, interrupt: StopRequest) -> Generator[tuple[BatchItem, Painted]]:
        """Paint all; yields each item with what became of it, in their order.

        Args:
            bar: Counts pictures, and parts of them.
            interrupt: Stops the painting: pictures are finished unless that takes long.
        """
        memory = self.options.memory or default_memory_budget()
        keeps_memory = self.options.memory is None
        self.options = replace(self.options, memory=memory / self.workers)
        self.resources.stylizer(  # once, and not in each thread
            self.requests[0],
            memory=self.options.memory,
            max_pixels=self.options.max_pixels,
            device=find_device(self.options.device),
        )
        task = bar.add_task(f"{self.workers} at a time", total=len(self.items))
        stop = _Stop(interrupt)

        def paint(number: int) -> Painted:
            shown = 0.0

            def show(event: Event) -> None:
                nonlocal shown
                if isinstance(event, Progress):
                    bar.update(task, advance=event.share - shown)
                    shown = event.share
                stop.check()

            painted = self._paint(number, show, keeps_memory=keeps_memory)
            bar.update(task, advance=1 - shown)
            return painted

        numbers = range(len(self.items))
        found = map_in_threads(paint, numbers, self.workers, lambda: interrupt.made)
        with contextlib.closing(found):
            for number, painted in found:
                item = self.items[number]
                bar.update(task, description=printable(item.title))
                yield item, painted

    def _paint(self, number: int, show: Callable[[Event], None], *, keeps_memory: bool) -> Painted:
        """Paint one and save it, in a thread."""
        item, painted = self.items[number], Painted()
        try:
            running = run_request(
                self.requests[number], self.options, resources=self.resources, listener=show
            )
            with running:
                for event in running:
                    if isinstance(event, Note):
                        painted.notes.append(event)
                    elif isinstance(event, Planned):
                        images.check_output(item.output, size=event.sizes[-1])
                        if keeps_memory and event.bytes is not None:
                            keep_freed_memory(self.workers * event.bytes)
            result = running.result
            painted.seconds = result.seconds
            with memory_errors():
                self.save(result, item.output)
        except StepAbandoned:
            painted.is_abandoned = True
        except ImpastoError as error:
            painted.error = error
        return painted


class _Stop:
    """Ends what threads paint, some time after a request to stop."""

    def __init__(self, request: StopRequest) -> None:
        self._request = request
        self._until: float | None = None

    def check(self) -> None:
        """Called between the parts of a picture; raises StepAbandoned if it took too long."""
        if not self._request.made:
            return
        now = time.monotonic()
        self._until = self._until or now + GRACE_SECONDS
        if now > self._until:
            raise StepAbandoned

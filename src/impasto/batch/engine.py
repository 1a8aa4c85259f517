"""Where workers run: the narrow seam between the schedule and processes, here or in a cluster."""

from __future__ import annotations

import queue
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from impasto.batch.opening import open_work
from impasto.batch.tasks import Stop, Task, WorkerEvent
from impasto.batch.worker_process import RowWatch, WorkerProcess
from impasto.errors import ImpastoError


class Engine(Protocol):
    """Workers, numbered from 0. Each tells when it is ready, and is then given tasks."""

    @property
    def size(self) -> int:
        """The number of workers."""
        ...

    def start(self) -> None:
        """Start the workers; returns at once."""
        ...

    def submit(self, worker: int, task: Task) -> None:
        """Give a task to a worker that is ready and has none."""
        ...

    def events(self, timeout: float) -> list[tuple[int, WorkerEvent]]:
        """What workers did, waited for some seconds. One that ended is started again."""
        ...

    def stop(self) -> None:
        """Have all workers end their tasks after the current step."""
        ...

    def close(self) -> None:
        """End all workers."""
        ...


class LocalEngine:
    """Worker processes of this machine.

    Args:
        openings: What each worker is opened with.
        folder: Their working folder.
        threads: Of torch, for each.
    """

    def __init__(self, openings: Sequence[Mapping[str, Any]], folder: str, threads: int) -> None:
        self._told: queue.SimpleQueue[tuple[int, WorkerEvent]] = queue.SimpleQueue()
        self.processes = [
            WorkerProcess(opening, folder, threads, partial(self._tell, number))
            for number, opening in enumerate(openings)
        ]

    @property
    def size(self) -> int:
        """The number of workers."""
        return len(self.processes)

    def _tell(self, worker: int, event: WorkerEvent) -> None:
        self._told.put((worker, event))

    def start(self) -> None:
        """See :class:`Engine`."""
        for process in self.processes:
            process.start()

    def submit(self, worker: int, task: Task) -> None:
        """See :class:`Engine`."""
        self.processes[worker].submit(task)

    def events(self, timeout: float) -> list[tuple[int, WorkerEvent]]:
        """See :class:`Engine`."""
        found = []
        try:
            found.append(self._told.get(timeout=timeout))
            while True:
                found.append(self._told.get_nowait())
        except queue.Empty:
            pass
        for worker, event in found:
            if event.kind == "crashed":
                self.processes[worker].start()
        return found

    def stop(self) -> None:
        """See :class:`Engine`."""
        for process in self.processes:
            process.stop()

    def close(self) -> None:
        """See :class:`Engine`."""
        for process in self.processes:
            process.close()


class InProcessEngine:
    """One worker in this process: nothing to start, and no protection from what crashes it.

    Args:
        opening: What the worker is opened with.
        interrupted: Whether a stop was requested.
    """

    size = 1

    def __init__(self, opening: Mapping[str, Any], interrupted: Callable[[], bool]) -> None:
        self._interrupted = interrupted
        self._task: Task | None = None
        self._stop = Stop()
        self._is_ready = False
        self._scratch = tempfile.TemporaryDirectory(prefix="impasto-batch-")
        self._work = open_work(opening, Path(self._scratch.name), is_main=False)

    def start(self) -> None:
        """See :class:`Engine`."""

    def submit(self, worker: int, task: Task) -> None:
        """See :class:`Engine`."""
        self._task = task

    def events(self, timeout: float) -> list[tuple[int, WorkerEvent]]:
        """See :class:`Engine`; the work is done within this call."""
        if not self._is_ready:
            self._is_ready = True
            return [(0, WorkerEvent("ready"))]
        task, self._task = self._task, None
        if task is None:
            return []
        watch, told = RowWatch(), list[WorkerEvent]()

        def tell(name: str, **values: Any) -> None:
            told.extend(watch.take(name, values))
            if self._interrupted():
                self._stop()

        try:
            done = self._work.do(task, self._stop, tell)
            if done is None:
                tell("stopped")
            else:
                tell("done", done=[done.rows, done.failed, done.name])
        except ImpastoError as error:
            tell("failed", text=error.message)
        return [(0, event) for event in told]

    def stop(self) -> None:
        """See :class:`Engine`."""
        self._stop()

    def close(self) -> None:
        """See :class:`Engine`."""
        self._work.close()
        self._scratch.cleanup()

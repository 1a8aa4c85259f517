"""A queue with its workers: all paintings of a device, or all quick jobs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from impasto.web.fair_queue import FairQueue
from impasto.web.job import Job
from impasto.web.telemetry import Telemetry
from impasto.web.worker_process import WorkerEndedError, WorkerProcess

_PAUSE_SECONDS = 5.0
"""Before a worker that does not start is tried again."""


class Question:
    """What a worker is asked, for somebody who waits for the answer.

    Args:
        folder: With the files that the task names.
        task: For the worker, such as ``{"do": "metadata", "file": "picture"}``.
    """

    def __init__(self, folder: Path, task: Mapping[str, Any]) -> None:
        self.folder, self.task = folder, task
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()


Item: TypeAlias = Job | Question
Work: TypeAlias = Callable[[Item, WorkerProcess, str], Awaitable[None]]
"""Does an item with a worker, on a device; it lets no error out but those of the worker."""


class Lane:
    """Items that wait, and workers that take them in turn.

    Args:
        name: For operators.
        devices: One worker for each.
        folder: The workers' own.
        work: Does an item.
        telemetry: Counts restarts.
        ahead: Items that a worker has at a time: it does one, and need not wait for the next.
    """

    def __init__(
        self,
        name: str,
        devices: tuple[str, ...],
        folder: Path,
        work: Work,
        telemetry: Telemetry,
        *,
        ahead: int = 1,
    ) -> None:
        self.name, self._devices = name, devices
        self.queue: FairQueue[Item] = FairQueue()
        self.workers = [WorkerProcess(folder) for _ in devices]
        self._work, self._telemetry, self._ahead = work, telemetry, ahead
        self._added = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []

    @property
    def is_ready(self) -> bool:
        """Whether a worker waits or works."""
        return any(worker.is_ready for worker in self.workers)

    def start(self) -> None:
        """Start the workers."""
        for worker, device in zip(self.workers, self._devices, strict=True):
            for _ in range(self._ahead):
                self._loops.append(asyncio.create_task(self._serve(worker, device)))

    async def close(self) -> None:
        """End the workers."""
        for loop in self._loops:
            loop.cancel()
        for worker in self.workers:
            await worker.close()
        await asyncio.gather(*self._loops, return_exceptions=True)

    def add(self, client: str, item: Item) -> None:
        """Put an item into the queue."""
        self.queue.add(client, item)
        self._added.set()
        self.tell_places()

    def remove(self, item: Item) -> bool:
        """Take an item out of the queue; whether it was there."""
        was_there = self.queue.remove(item)
        self.tell_places()
        return was_there

    def tell_places(self) -> None:
        """Tell every job that waits its place, if it is another than before."""
        for place, item in enumerate(self.queue, 1):
            if isinstance(item, Job) and item.place != place:
                item.place = place
                item.tell_state()

    async def _serve(self, worker: WorkerProcess, device: str) -> None:
        while True:
            try:
                if await worker.start():
                    self._telemetry.worker_restarted(self.name)
            except WorkerEndedError:
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            if not len(self.queue):
                self._added.clear()
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._added.wait(), _PAUSE_SECONDS)
                continue  # also when the worker has ended meanwhile
            item = self.queue.pop()
            self.tell_places()
            await self._work(item, worker, device)

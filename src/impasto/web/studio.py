"""The studio: takes jobs, lets workers do them in turn, keeps results for a while."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client.core import GaugeMetricFamily

from impasto.errors import ImpastoError
from impasto.jobs.request_json import to_json
from impasto.jobs.requests import StylizeRequest
from impasto.web.folders import bytes_in, remove
from impasto.web.job import Job, State
from impasto.web.job_files import CHECKPOINT, FILES, ON_REQUEST, RESULTS, SUFFIX
from impasto.web.lane import Item, Lane, Question
from impasto.web.posted import Posted
from impasto.web.settings import Settings
from impasto.web.telemetry import LOGGER, Telemetry, gauge, log, memory_bytes
from impasto.web.worker_events import ask, take_event
from impasto.web.worker_process import WorkerEndedError, WorkerProcess

GRACE_SECONDS = 10.0
"""Time for a stopped job to end by itself, which takes one step; then its worker is ended."""

_READ_SECONDS = 60.0
_SWEEP_SECONDS = 5.0


class RefusedError(ImpastoError):
    """The service does not take a job now.

    Args:
        status: Of HTTP.
        message: Why, and what to do.
        retry_after: Seconds after which it may be tried again.
    """

    def __init__(self, status: int, message: str, *, retry_after: float = 5.0) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after


class Studio:
    """Jobs, their queues and workers; lives in one event loop.

    Args:
        settings: Of the service.
        folder: For all files; only the service's own user may read it.
        telemetry: Counts what happens.
    """

    def __init__(self, settings: Settings, folder: Path, telemetry: Telemetry) -> None:
        self.settings, self.limits = settings, settings.limits
        self.is_draining = False
        self._folder, self._telemetry = folder, telemetry
        self._jobs: dict[str, Job] = {}
        self._running: dict[Item, WorkerProcess] = {}
        quick = (settings.devices[0],) * settings.quick_workers
        self._painting = Lane("painting", settings.devices, folder, self._do, telemetry)
        self._quick = Lane("quick", quick, folder, self._do, telemetry, ahead=2)
        self._lanes = (self._painting, self._quick)
        self._tasks: set[asyncio.Task[Any]] = set()
        telemetry.watch(self._gauges)

    async def start(self) -> None:
        """Start the workers, and the removal of old results."""
        for lane in self._lanes:
            lane.start()
        self._spawn(self._sweep_forever())

    async def close(self) -> None:
        """End everything at once."""
        for task in self._tasks:
            task.cancel()
        for lane in self._lanes:
            await lane.close()

    @property
    def is_ready(self) -> bool:
        """Whether jobs are taken and workers wait for them."""
        return not self.is_draining and all(lane.is_ready for lane in self._lanes)

    # --- for clients ------------------------------------------------------------------------------

    def new_folder(self) -> Path:
        """An empty folder for the files of one message."""
        folder = self._folder / f"job-{secrets.token_hex(8)}"
        folder.mkdir(mode=0o700)
        return folder

    def check_room(self, client: str, address: str = "") -> None:
        """Check that a job of this client would be taken, before its files are read.

        Args:
            client: Whose turn in the queue it would be.
            address: Of the client, if it is of another machine.

        Raises:
            RefusedError: If it would not.
        """
        if self.is_draining:
            raise RefusedError(503, "The server is being stopped: send the request again later.")
        if sum(len(lane.queue) for lane in self._lanes) >= self.limits.queue_length:
            raise RefusedError(
                503, f"{self.limits.queue_length} jobs wait already: try again in a minute.",
                retry_after=60,
            )  # fmt: skip
        waiting = [job for job in self._jobs.values() if not job.state.is_end]
        if sum(job.bytes for job in waiting) >= self.limits.disk_bytes:
            raise RefusedError(
                503, "The files of the jobs that wait fill the server: try again in a minute.",
                retry_after=60,
            )  # fmt: skip
        if address and 2 * sum(job.address == address for job in waiting) >= max(
            self.limits.queue_length, 2 * self.limits.client_jobs
        ):
            raise RefusedError(429, "Too many jobs of your address wait: try again later.")
        own = sum(job.client == client for job in waiting)
        if own >= self.limits.client_jobs:
            raise RefusedError(
                429, f"{own} of your jobs wait or run already: wait for one of them, or stop one.",
                retry_after=10,
            )  # fmt: skip

    def add(
        self, posted: Posted, folder: Path, *, client: str, session: str, address: str = ""
    ) -> Job:
        """Take a job.

        Args:
            posted: What to make.
            folder: From :meth:`new_folder`, with the files that the request names.
            client: Whose turn in the queue it is.
            session: Browser session that lists the job; empty for none.
            address: Of the client, if it is of another machine.

        Raises:
            RefusedError: If there is no room for it.
        """
        self.check_room(client, address)
        job = Job(posted.request, client, session, folder, output=posted.output, address=address)
        job.bytes = bytes_in(folder)
        self._jobs[job.id] = job
        self._lane_of(job).add(client, job)
        return job

    def find(self, job_id: str) -> Job | None:
        """The job with an id."""
        return self._jobs.get(job_id)

    def of_session(self, session: str) -> list[Job]:
        """The jobs of a browser session, the newest first."""
        jobs = [job for job in self._jobs.values() if session and job.session == session]
        return sorted(jobs, key=lambda job: -job.created)

    async def stop(self, job: Job) -> None:
        """End a job after its current step; what is painted is kept."""
        if self._lane_of(job).remove(job):
            job.must_stop = True
            job.tell("note", text="It was stopped before it was begun.")
            self._end(job, State.STOPPED)
        elif (worker := self._running.get(job)) is not None:
            job.must_stop = True
            await worker.stop_task(job)
            self._spawn(self._kill_later(job, worker))

    async def delete(self, job: Job) -> None:
        """Stop a job and forget it, its picture included."""
        self._jobs.pop(job.id, None)
        await self.stop(job)
        if job not in self._running:
            remove(job.folder)

    def resume(self, job: Job) -> None:
        """Go on with a job that was stopped or broken off, from its last checkpoint.

        Raises:
            RefusedError: If there is none, or no room.
        """
        if not job.is_resumable:
            raise RefusedError(409, "This job cannot go on: it has ended, or was not begun.")
        self.check_room(job.client)
        job.begin_again()
        self._lane_of(job).add(job.client, job)

    async def read_request(self, folder: Path, client: str) -> str:
        """The request in the metadata of the file ``picture`` in a folder, as JSON.

        Raises:
            ImpastoError: If it has none, or cannot be read.
        """
        return await self._ask(folder, client, {"do": "metadata", "file": "picture"})

    async def plan(
        self, posted: Posted, shapes: Mapping[str, tuple[int, int]], folder: Path, client: str
    ) -> str:
        """What a request would take (:mod:`impasto.web.planning`), as JSON.

        Args:
            posted: The request.
            shapes: Width and height of its uploads.
            folder: From :meth:`new_folder`, with the samples that the request names.
            client: Whose turn it is.

        Raises:
            ImpastoError: If it cannot be made, or there is no room.
        """
        options = self._options(self.settings.devices[0])
        task = {"do": "plan", "request": to_json(posted.request), "shapes": dict(shapes)}
        return await self._ask(folder, client, {**task, "options": options})

    async def convert(self, job: Job, form: str) -> None:
        """Make the picture of a job in one of the formats that are made on request.

        Raises:
            ImpastoError: If it cannot be made, or there is no room.
        """
        task = {"do": "convert", "file": RESULTS["png"][0], "to": RESULTS[form][0]}
        await self._ask(job.folder, job.client, task)
        job.bytes = bytes_in(job.folder)

    async def _ask(self, folder: Path, client: str, task: Mapping[str, Any]) -> str:
        self.check_room(client)
        question = Question(folder, task)
        self._quick.add(client, question)
        try:
            return await asyncio.wait_for(asyncio.shield(question.answer), _READ_SECONDS)
        except asyncio.TimeoutError:
            raise RefusedError(503, "The server is busy: try again.") from None
        finally:
            self._quick.remove(question)
            question.answer.cancel()

    def _options(self, device: str) -> dict[str, Any]:
        """What a worker has to keep to."""
        limits = dataclasses.asdict(self.limits)
        return {"device": device, "memory": self.settings.memory, "limits": limits}

    # --- work -------------------------------------------------------------------------------------

    async def _do(self, item: Item, worker: WorkerProcess, device: str) -> None:
        self._running[item] = worker
        try:
            if isinstance(item, Question):
                await ask(item, worker)
            else:
                await self._paint(item, worker, device)
        except Exception:  # the queue goes on, whatever happens to one job
            LOGGER.exception("mistake")
            worker.kill()
            if isinstance(item, Job):
                item.tell("failed", message="The server failed: its log says where.", field="")
        finally:
            self._running.pop(item, None)
            if isinstance(item, Job) and not item.state.is_end:
                item.state = State.FAILED
            if isinstance(item, Job):
                self._finish(item)

    async def _paint(self, job: Job, worker: WorkerProcess, device: str) -> None:
        job.state, job.place = State.RUNNING, 0
        job.tell_state()
        began = time.monotonic()
        self._telemetry.job_began(job.request.kind, time.time() - job.created)
        timer: asyncio.Task[Any] | None = None
        job.is_begun = False
        options = {**self._options(device), "output": job.output}
        task = {"folder": str(job.folder), "request": to_json(job.request), "options": options}
        pixels = 0
        try:
            async for event in worker.run(job, do="run", **task):
                if event["event"] == "begun" and timer is None:
                    job.is_begun, began = True, time.monotonic()
                    timer = self._spawn(self._stop_at_limit(job))
                pixels = take_event(job, event) or pixels
        except WorkerEndedError as error:
            await self._worker_ended(job, error)
        finally:
            if timer is not None:
                timer.cancel()
        kind, seconds = job.request.kind, time.monotonic() - began
        self._telemetry.job_ended(kind, job.state.value, seconds, pixels, job.log_name)

    async def _worker_ended(self, job: Job, error: WorkerEndedError) -> None:
        job.is_resumable = (job.folder / CHECKPOINT).exists()
        if job.must_stop:
            job.state = State.STOPPED
            job.tell("note", text="It was stopped in the middle of a long step.")
        else:
            job.state = State.FAILED
            job.tell("failed", message=str(error), field="")

    async def _stop_at_limit(self, job: Job) -> None:
        await asyncio.sleep(self.limits.most_seconds)
        job.tell(
            "note",
            text=f"This server works at most {self.limits.most_seconds} s on one job: it was "
            "stopped, and what is painted is kept.",
        )
        await self.stop(job)

    async def _kill_later(self, job: Job, worker: WorkerProcess) -> None:
        while self._running.get(job) is worker and not job.is_begun:
            await asyncio.sleep(0.1)
        await asyncio.sleep(GRACE_SECONDS)
        if self._running.get(job) is worker and job.must_stop:
            worker.kill()

    def _end(self, job: Job, state: State) -> None:
        job.state, job.place = state, 0
        self._finish(job)

    def _finish(self, job: Job) -> None:
        """Tell that a job has ended; remove what is not needed any more."""
        if job.id not in self._jobs:
            remove(job.folder)
            return
        if not job.is_resumable:
            for upload in job.folder.glob(f"*{SUFFIX}"):
                upload.unlink(missing_ok=True)
        there = [f for f, (name, _) in FILES.items() if (job.folder / name).is_file()]
        job.formats = (*there, *(ON_REQUEST if "png" in there else ()))
        job.bytes = bytes_in(job.folder)
        job.ended = time.monotonic()
        job.tell_state()

    def _lane_of(self, job: Job) -> Lane:
        return self._quick if isinstance(job.request, StylizeRequest) else self._painting

    # --- by time ----------------------------------------------------------------------------------

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(min(_SWEEP_SECONDS, self.limits.keep_seconds / 4))
            expired = [self._jobs.pop(job.id) for job in list(self._expired())]
            await asyncio.to_thread(remove, *(job.folder for job in expired))

    def _expired(self) -> Iterator[Job]:
        """Jobs that ended long ago, and the oldest of those that do not fit on the disk."""
        ended = sorted((j for j in self._jobs.values() if j.state.is_end), key=lambda j: j.ended)
        held = sum(job.bytes for job in self._jobs.values())
        for job in ended:
            is_old = time.monotonic() - job.ended > self.limits.keep_seconds
            if is_old or held > self.limits.disk_bytes:
                held -= job.bytes
                yield job

    async def drain(self) -> bool:
        """Take no more jobs, and give those that run some time to end; then stop them.

        Returns:
            Whether there were any.
        """
        self.is_draining = True
        had_jobs = bool(self._running) or any(len(lane.queue) for lane in self._lanes)
        log("draining", running=len(self._running))
        for job in list(self._jobs.values()):
            if self._lane_of(job).remove(job):
                text = "The server was stopped before it came to this picture: send it again."
                job.tell("failed", message=text, field="")
                self._end(job, State.FAILED)
        await self._wait_idle(self.limits.drain_seconds)
        for item in list(self._running):
            if isinstance(item, Job):
                item.tell("note", text=f"The server is being stopped: {item.kept}.")
                await self.stop(item)
        await self._wait_idle(GRACE_SECONDS + 1)
        return had_jobs

    async def _wait_idle(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self._running and time.monotonic() < until:
            await asyncio.sleep(0.05)

    def _spawn(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _gauges(self) -> Iterable[GaugeMetricFamily]:
        waiting = {lane.name: float(len(lane.queue)) for lane in self._lanes}
        states = dict.fromkeys((state.value for state in State), 0.0)
        for job in self._jobs.values():
            states[job.state.value] += 1
        pids = {"server": os.getpid()}
        for lane in self._lanes:
            pids |= {f"{lane.name}-{n}": w.pid for n, w in enumerate(lane.workers) if w.pid}
        yield gauge("queue_length", "Jobs that wait", "lane", waiting)
        yield gauge("held_jobs", "Jobs that are kept", "state", states)
        yield gauge("memory_bytes", "Resident memory", "process", memory_bytes(pids))

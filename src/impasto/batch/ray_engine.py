"""Workers in a Ray cluster: an actor each, which holds a worker process on its machine.

The actor does no work itself, so a picture that crashes its worker ends neither the actor nor what
Ray knows of it: which rows were in flight is told in the same way as on one machine. Only a machine
that is gone ends actors. Then Ray finds another place, and the shard is worked on again.

Shards are given out by Impasto's own schedule. Ray gives placement, autoscaling and the object
store, through which styles and models reach every machine once.
"""

from __future__ import annotations

import contextlib
import os
import queue
import socket
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from impasto.batch.opening import opening_of
from impasto.batch.places import is_remote
from impasto.batch.plan import Plan
from impasto.batch.tasks import GPU_IO_THREADS, Task, WorkerEvent, WorkOptions
from impasto.batch.worker_process import WorkerProcess
from impasto.errors import InputDataError, OptionError
from impasto.runtime.memory import default_memory_budget
from impasto.runtime.optional import require

_POLL_SECONDS = 5.0
"""That an actor waits for something to tell."""

_NEEDED_BY = "A batch in a cluster"
_CONNECT_SECONDS = 10.0
_CLOSE_SECONDS = 10.0


class RayEngine:
    """Actors, each with a worker process; see :class:`impasto.batch.engine.Engine`.

    Args:
        plan: Of the batch.
        workers: Their number; None: as many as the cluster has room for now. More than that wait
            for machines, which an autoscaler may add.
        workers_per_device: That share a GPU.
        device: Of the workers.
        memory: Bytes that the workers of a machine may take; None for two thirds of what is free.
        timeout: Seconds that a picture may take.

    Raises:
        OptionError: If the cluster has no room for a worker.
    """

    def __init__(
        self,
        plan: Plan,
        workers: int | None,
        workers_per_device: int,
        device: str,
        memory: float | None,
        *,
        timeout: float | None = None,
    ) -> None:
        self._ray: Any = require("ray", by=_NEEDED_BY)
        has_gpus = float(self._ray.cluster_resources().get("GPU", 0)) > 0
        # One that is named is asked for, although machines with it may be added only later.
        gpus = has_gpus if device == "auto" else not device.startswith("cpu")
        threads = plan.threads
        slots = _slots_by_node(self._ray, workers_per_device, threads, has_gpus=gpus)
        self.size = sum(slots) if workers is None else workers
        if not self.size:
            raise OptionError("The Ray cluster has no free machine: add one, or set the workers.")
        self._options: dict[str, Any] = {"num_cpus": threads, "max_concurrency": 4,
                                         "max_restarts": 0}  # fmt: skip
        if gpus:
            self._options["num_gpus"] = 1 / workers_per_device
        io_threads = GPU_IO_THREADS if gpus else 1
        opening = opening_of(plan, WorkOptions(device, memory, io_threads, timeout))
        # In the object store once, and from there to each machine.
        self._arguments = (opening, plan.folder, threads, max([1, *slots]))
        self._files = self._ray.put(_files_of(plan))
        self._actors: dict[int, Any] = {}
        self._polls: dict[Any, int] = {}
        self._starts = 0

    def start(self) -> None:
        """See :class:`Engine`; actors without room wait for it."""
        for worker in range(self.size):
            self._start(worker)

    def _start(self, worker: int) -> None:
        self._starts += 1
        name = f"impasto-batch-{os.getpid()}-worker-{worker}-{self._starts}"
        host = self._ray.remote(WorkerHost).options(name=name, **self._options)
        self._actors[worker] = actor = host.remote(*self._arguments, self._files)
        self._polls[actor.poll.remote(_POLL_SECONDS)] = worker

    def submit(self, worker: int, task: Task) -> None:
        """See :class:`Engine`."""
        name = f"shard {task.shard.number}"
        self._actors[worker].submit.options(name=name).remote(task)

    def events(self, timeout: float) -> list[tuple[int, WorkerEvent]]:
        """See :class:`Engine`."""
        ray, polls = self._ray, list(self._polls)
        some, _ = ray.wait(polls, num_returns=1, timeout=timeout)
        if not some:
            return []
        told, _ = ray.wait(polls, num_returns=len(polls), timeout=0)
        found: list[tuple[int, WorkerEvent]] = []
        for poll in told:
            worker = self._polls.pop(poll)
            events = self._result_of(poll)
            found += [(worker, event) for event in events]
            if any(event.kind == "lost" for event in events):
                self._start(worker)
            else:
                actor = self._actors[worker]
                self._polls[actor.poll.remote(_POLL_SECONDS)] = worker
        return found

    def _result_of(self, poll: Any) -> list[WorkerEvent]:
        from ray.exceptions import RayError

        try:
            events: list[WorkerEvent] = self._ray.get(poll)
        except RayError as problem:
            reason = str(problem).strip().partition("\n")[0]
            return [WorkerEvent("lost", text=f"was lost with its machine ({reason})")]
        return events

    def stop(self) -> None:
        """See :class:`Engine`."""
        for actor in self._actors.values():
            actor.stop.remote()

    def close(self) -> None:
        """See :class:`Engine`."""
        with contextlib.suppress(Exception):  # the cluster may be gone
            closing = [actor.close.remote() for actor in self._actors.values()]
            self._ray.wait(closing, num_returns=len(closing), timeout=_CLOSE_SECONDS)
        for actor in self._actors.values():
            with contextlib.suppress(Exception):
                self._ray.kill(actor)
        self._actors.clear()


class WorkerHost:
    """What an actor is: it starts a worker process on its machine, and passes on what that tells.

    Args:
        opening: What the worker is opened with.
        folder: Its working folder, if the machine has it.
        threads: Of torch.
        neighbours: Workers that share the memory of the machine, itself counted.
        files: Name → content of styles and models.
    """

    def __init__(
        self,
        opening: Mapping[str, Any],
        folder: str,
        threads: int,
        neighbours: int,
        files: Mapping[str, bytes],
    ) -> None:
        self._told: queue.SimpleQueue[WorkerEvent] = queue.SimpleQueue()
        self._scratch = tempfile.TemporaryDirectory(prefix="impasto-batch-")
        given = {}
        for number, (name, content) in enumerate(files.items()):
            path = Path(self._scratch.name) / f"{number}{Path(name).suffix}"
            path.write_bytes(content)
            given[name] = str(path)
        options = dict(opening["options"])
        options["memory"] = (options["memory"] or default_memory_budget()) / neighbours
        self._process = WorkerProcess(
            {**opening, "options": options, "given": given},
            folder if os.path.isdir(folder) else self._scratch.name,
            threads,
            self._told.put,
        )
        self._process.start()

    def submit(self, task: Task) -> None:
        """Give the worker a shard."""
        self._process.submit(task)

    def poll(self, seconds: float) -> list[WorkerEvent]:
        """What the worker did, waited for at most some seconds. One that ended is started again."""
        found = []
        with contextlib.suppress(queue.Empty):
            found.append(self._told.get(timeout=seconds))
            while True:
                found.append(self._told.get_nowait())
        if any(event.kind == "crashed" for event in found):
            self._process.start()
        return found

    def stop(self) -> None:
        """Have the worker end its task."""
        self._process.stop()

    def close(self) -> None:
        """End the worker, and leave no files behind."""
        self._process.close()
        self._scratch.cleanup()

    def pids(self) -> tuple[int, int | None]:
        """Process numbers of the actor and of its worker."""
        return os.getpid(), self._process.pid


@contextlib.contextmanager
def connected(address: str) -> Iterator[None]:
    """Within the block the program is connected to a cluster; one that it has already is used.

    Args:
        address: ``"auto"``, ``"ray://HOST:PORT"`` or ``"HOST:PORT"``.

    Raises:
        OptionError: If Ray is not installed, or there is no cluster.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray: Any = require("ray", by=_NEEDED_BY)
    if ray.is_initialized():
        yield
        return
    _connect(ray, address)
    try:
        yield
    finally:
        ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    try:
        _check_listening(address)
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (OSError, RuntimeError, ValueError) as problem:  # also of connections and time
        reason = str(problem).strip().partition("\n")[0]
        raise OptionError(
            f"There is no Ray cluster at {address} ({reason}): start one, or use the address local."
        ) from None


def _check_listening(address: str) -> None:
    """Raise an OSError if nobody listens there: Ray itself would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()


def _slots_by_node(ray: Any, workers_per_device: int, threads: int, *, has_gpus: bool) -> list[int]:
    """Workers that each machine of the cluster has room for."""
    resources = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if has_gpus:
        return [int(own.get("GPU", 0) * workers_per_device) for own in resources]
    return [int(own.get("CPU", 0) // threads) for own in resources]


def _files_of(plan: Plan) -> dict[str, bytes]:
    """Files of this machine that every worker needs: styles and the model.

    Raises:
        InputDataError: If one cannot be read.
    """
    template = plan.template
    names = [style.name for style in template.styles]
    names.append(str(template.entries.get("model", "")))
    found = {}
    for name in names:
        path = Path(plan.folder) / name
        if name and not is_remote(name) and path.is_file():
            try:
                found[name] = path.read_bytes()
            except OSError as problem:
                raise InputDataError(f"{name} cannot be read ({problem.strerror}).") from problem
    return found

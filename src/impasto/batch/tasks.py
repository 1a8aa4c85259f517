"""What a worker is given to do, and how it says what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from impasto.batch.shard_log import Done
from impasto.batch.shards import Shard
from impasto.jobs.run import Run

MOST_CRASHES = 3
"""Times that a picture may end its worker before it is given up."""

Tell = Callable[..., None]
"""Takes the name of an event, and its values."""


@dataclass
class Stop:
    """Whether the work is to end, and what is running.

    Attributes:
        made: Whether it is.
        running: The run that is stopped, too.
    """

    made: bool = False
    running: Run | None = None

    def __call__(self) -> None:
        """End the work after the current step."""
        self.made = True
        if self.running is not None:
            self.running.stop()


GPU_IO_THREADS = 4
"""That decode and encode beside a GPU, which paints a picture in milliseconds."""


@dataclass(frozen=True)
class WorkOptions:
    """How a worker works; nothing here changes pictures.

    Attributes:
        device: Where to paint.
        memory: Bytes that painting may take; None for two thirds of what is free.
        io_threads: That fetch, decode and encode, for each of these.
        timeout: Seconds after which the process of a worker is ended because of one picture; None
            for never. Only a worker in a process of its own has one.
        is_main: Whether the work is done in the main thread of a process of its own.
    """

    device: str = "auto"
    memory: float | None = None
    io_threads: int = 1
    timeout: float | None = None
    is_main: bool = False


@dataclass(frozen=True)
class Task:
    """What a worker is to do.

    Attributes:
        shard: To work on.
        crashes: Row → how often its worker has ended while it was in flight.
        redone: The log of the shard, if only the rows that failed are to be painted.
    """

    shard: Shard
    crashes: Mapping[int, int] = field(default_factory=dict)
    redone: Done | None = None


@dataclass(frozen=True)
class WorkerEvent:
    """Something that a worker did.

    Attributes:
        kind: ``"ready"``; ``"progress"``; ``"done"``, ``"stopped"`` or ``"failed"`` at the end of a
            task; ``"crashed"`` if its process ended, ``"lost"`` if its machine is gone.
        painted: Pictures since the last event.
        failed: Rows without a picture.
        kept: Pictures that had been made before.
        errors: Id and sentence of some of the rows that failed.
        rows: Those in flight when the process ended.
        text: Why it ended or failed.
        done: The shard that is finished.
    """

    kind: str
    painted: int = 0
    failed: int = 0
    kept: int = 0
    errors: tuple[tuple[str, str], ...] = ()
    rows: tuple[int, ...] = ()
    text: str = ""
    done: Done | None = None


def task_to_dict(task: Task) -> dict[str, Any]:
    """A task as plain values for JSON."""
    redone = None if task.redone is None else [task.redone.rows, task.redone.failed,
                                               task.redone.name]  # fmt: skip
    crashes = {str(row): count for row, count in task.crashes.items()}
    return {"shard": task.shard.to_dict(), "crashes": crashes, "redone": redone}


def task_from_dict(values: Mapping[str, Any]) -> Task:
    """The task of :func:`task_to_dict`."""
    redone = None if values["redone"] is None else Done(*values["redone"])
    crashes = {int(row): count for row, count in values["crashes"].items()}
    return Task(Shard.from_dict(values["shard"]), crashes, redone)

"""The schedule: shards to workers, one at a time, until all are done or the batch is stopped.

Shards are planned when a worker is free, so what is held is one shard for each worker, however many
there are. Nothing is known of rows but of those that ended their worker.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from impasto.batch.engine import Engine
from impasto.batch.plan import Plan
from impasto.batch.shard_log import FinishedShards
from impasto.batch.shards import Shard, Source
from impasto.batch.tasks import MOST_CRASHES, Task, WorkerEvent
from impasto.errors import counted_noun, option

_POLL_SECONDS = 0.25
_MOST_ERRORS = 20
_MOST_STARTS = 3
"""Times in a row that a worker may end before it is ready."""

_MOST_LOSSES = 20
"""Machines that may be lost with the same shard, before it is taken for the cause."""


@dataclass
class Tally:
    """What became of a batch; also how far it is.

    Attributes:
        total: All rows, if that is known.
        painted: Pictures that were made by this run.
        kept: Pictures that had been made, in shards that were not done.
        failed: Rows without a picture, of this run.
        done_before: Rows of shards that were done before this run.
        failed_before: Those of them without a picture.
        shards: That are done.
        crashes: Worker processes that ended.
        errors: Id and sentence of the first rows that failed.
        seconds: Of this run.
        is_stopped: Whether it was stopped by a signal.
        problem: Why it ended early; empty if it did not.
    """

    total: int | None = None
    painted: int = 0
    kept: int = 0
    failed: int = 0
    done_before: int = 0
    failed_before: int = 0
    shards: int = 0
    crashes: int = 0
    errors: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    is_stopped: bool = False
    problem: str = ""

    @property
    def rows(self) -> int:
        """Rows that are done, of any run."""
        return self.painted + self.kept + self.failed + self.done_before

    @property
    def pace(self) -> float:
        """Pictures a second of this run."""
        return (self.painted + self.failed) / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimate from the pace so far; None if there is none."""
        if self.total is None or not self.pace:
            return None
        return max(0, self.total - self.rows) / self.pace


@dataclass
class _Counts:
    """Rows of a shard that is worked on; ``before``: painted by this run, before a crash."""

    painted: int = 0
    kept: int = 0
    failed: int = 0
    before: int = 0


class Schedule:
    """Gives the shards of a batch to workers.

    Args:
        plan: Of the batch.
        source: The rows.
        finished: Which shards are done.
        engine: The workers.
        max_errors: Rows of this run that may fail; None for any number.
        retry_failed: Whether to paint again what failed in shards that are done.
        interrupted: Whether a stop was requested.
        listener: Called with the tally as it changes.
    """

    def __init__(
        self,
        plan: Plan,
        source: Source,
        finished: FinishedShards,
        engine: Engine,
        *,
        max_errors: int | None = None,
        retry_failed: bool = False,
        interrupted: Callable[[], bool] = lambda: False,
        listener: Callable[[Tally], None] = lambda tally: None,
    ) -> None:
        self._plan, self._source, self._finished, self._engine = plan, source, finished, engine
        self._max_errors, self._retry_failed = max_errors, retry_failed
        self._interrupted, self._listener = interrupted, listener
        self._again: deque[Task] = deque()
        self._busy: dict[int, Task] = {}
        self._idle: set[int] = set()
        self._counts: dict[int, _Counts] = {}
        self._empty_crashes: dict[int, int] = {}
        self._losses: dict[int, int] = {}
        self._failed_starts: dict[int, int] = {}
        self._is_ending = False
        self.tally = Tally(plan.rows)

    def run(self) -> Tally:
        """Work on all shards that are not done."""
        tasks = self._tasks()
        started = time.monotonic()
        upcoming = next(tasks, None)  # before any worker is started: all may be done
        if upcoming is not None:
            self._engine.start()
        while not (upcoming is None and not self._again and not self._busy):
            if self._interrupted() and not self.tally.is_stopped:
                self.tally.is_stopped = True
                self._end()
            if self._is_ending and not self._busy:
                break
            while self._idle and not self._is_ending and (self._again or upcoming is not None):
                if self._again:
                    self._submit(self._again.popleft())
                else:
                    self._submit(upcoming)  # type: ignore[arg-type]
                    upcoming = next(tasks, None)
            for worker, event in self._engine.events(_POLL_SECONDS):
                self._handle(worker, event)
            self.tally.seconds = time.monotonic() - started
            self._listener(self.tally)
        return self.tally

    def _tasks(self) -> Iterator[Task]:
        """What is to be done, planned one by one."""
        for shard in self._source.shards(self._plan.shard_size):
            done = self._finished.find(shard.number)
            if done is None:
                yield Task(shard)
            elif done.failed and self._retry_failed:
                yield Task(shard, redone=done)
            else:
                self.tally.shards += 1
                self.tally.done_before += done.rows
                self.tally.failed_before += done.failed

    def _submit(self, task: Task) -> None:
        worker = self._idle.pop()
        self._busy[worker] = task
        self._engine.submit(worker, task)

    def _handle(self, worker: int, event: WorkerEvent) -> None:
        kind, tally = event.kind, self.tally
        if kind == "ready":
            self._failed_starts[worker] = 0
            self._idle.add(worker)
        elif kind == "progress":
            self._count(self._busy[worker].shard, event)
            if self._max_errors is not None and tally.failed > self._max_errors:
                self._end(
                    f"{counted_noun(tally.failed, 'picture')} failed, more than "
                    f"{option('max_errors')} allows."
                )
        elif kind in ("crashed", "lost"):
            self._handle_end(worker, event)
        else:
            task = self._busy.pop(worker)
            self._idle.add(worker)
            self._counts.pop(task.shard.number, None)
            tally.shards += kind == "done"
            if kind == "failed":
                self._end(event.text)

    def _count(self, shard: Shard, event: WorkerEvent) -> None:
        """Count rows; those that this run made before a crash are not kept from an earlier one."""
        tally, counts = self.tally, self._counts.setdefault(shard.number, _Counts())
        ours = min(event.kept, counts.before)
        counts.before -= ours
        painted, kept = event.painted + ours, event.kept - ours
        tally.painted += painted
        tally.kept += kept
        tally.failed += event.failed
        counts.painted += painted
        counts.kept += kept
        counts.failed += event.failed
        new = [error for error in event.errors if error not in tally.errors]
        tally.errors += new[: _MOST_ERRORS - len(tally.errors)]

    def _uncount(self, shard: Shard) -> None:
        """The rows of a shard will be told again, by the next worker."""
        counts = self._counts.get(shard.number)
        if counts is not None:
            self.tally.painted -= counts.painted
            self.tally.kept -= counts.kept
            self.tally.failed -= counts.failed
            self._counts[shard.number] = _Counts(before=counts.painted)

    def _handle_end(self, worker: int, event: WorkerEvent) -> None:
        """A worker is gone: what it was working on is done by another."""
        self._idle.discard(worker)
        self.tally.crashes += event.kind == "crashed"
        task = self._busy.pop(worker, None)
        if task is None:
            self._failed_starts[worker] = starts = self._failed_starts.get(worker, 0) + 1
            if starts >= _MOST_STARTS:
                self._end(f"The process of a worker {event.text} before it was ready.")
            return
        self._uncount(task.shard)
        crashes = dict(task.crashes)
        for row in event.rows:
            crashes[row] = crashes.get(row, 0) + 1
        if event.kind == "crashed" and not event.rows:
            self._note_empty_crash(task.shard, event.text)
        elif event.kind == "lost":
            self._note_loss(task.shard)
        self._again.append(Task(task.shard, crashes, task.redone))

    def _note_empty_crash(self, shard: Shard, how: str) -> None:
        """A process that ended outside any row: no picture is to blame."""
        count = self._empty_crashes[shard.number] = self._empty_crashes.get(shard.number, 0) + 1
        if count >= MOST_CRASHES:
            self._end(
                f"The process of a worker {how}, {count} times, while it opened or finished "
                f"{_named(shard)}."
            )

    def _note_loss(self, shard: Shard) -> None:
        """A machine was lost: now and then one is, but not always with the same shard."""
        count = self._losses[shard.number] = self._losses.get(shard.number, 0) + 1
        if count >= _MOST_LOSSES:
            self._end(
                f"{count} machines were lost while they worked on {_named(shard)}, perhaps because "
                f"memory ran out: try a smaller {option('size')}."
            )

    def _end(self, problem: str = "") -> None:
        """End after the current pictures."""
        self.tally.problem = self.tally.problem or problem
        if not self._is_ending:
            self._is_ending = True
            self._engine.stop()


def _named(shard: Shard) -> str:
    if shard.count is None:
        return shard.file
    return f"{counted_noun(shard.count, 'row')} of {shard.file}"

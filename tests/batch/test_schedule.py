"""The schedule beside workers that crash, vanish, fail and are stopped; without pictures."""

from __future__ import annotations

import tracemalloc
from collections import Counter, deque
from collections.abc import Callable, Iterator

import pytest

from impasto.batch.plan import Plan
from impasto.batch.schedule import Schedule
from impasto.batch.shard_log import Done
from impasto.batch.shards import Shard
from impasto.batch.tasks import MOST_CRASHES, Task, WorkerEvent


class Rows:
    """Shards of ten rows."""

    def __init__(self, shards: int) -> None:
        self.size, self.planned = shards, 0

    def shards(self, size: int) -> Iterator[Shard]:
        for number in range(self.size):
            self.planned += 1
            yield Shard(number, "rows.jsonl", 0, 10 * number, 10)


class Finished:
    def __init__(self, done: dict[int, Done] | None = None) -> None:
        self.done = done or {}

    def find(self, number: int) -> Done | None:
        return self.done.get(number)


class Workers:
    """Workers that do what a function says: a kind of event, or the rows that they crash in."""

    def __init__(self, size: int, act: Callable[[Task], object] = lambda task: "done") -> None:
        self.size, self.act = size, act
        self.given: list[Task] = []
        self.most_held = self.stops = 0
        self._queue: deque[tuple[int, Task]] = deque()
        self._told: list[tuple[int, WorkerEvent]] = []

    def start(self) -> None:
        self._told = [(worker, WorkerEvent("ready")) for worker in range(self.size)]

    def submit(self, worker: int, task: Task) -> None:
        assert worker not in [busy for busy, _ in self._queue]
        self.given.append(task)
        self._queue.append((worker, task))
        self.most_held = max(self.most_held, len(self._queue))

    def events(self, timeout: float) -> list[tuple[int, WorkerEvent]]:
        told, self._told = self._told, []
        if not told and self._queue:
            worker, task = self._queue.popleft()
            told = [(worker, event) for event in self._did(task)]
        return told

    def _did(self, task: Task) -> list[WorkerEvent]:
        act = "stopped" if self.stops else self.act(task)
        if act == "done":
            quarantined = sum(count >= MOST_CRASHES for count in task.crashes.values())
            counts = WorkerEvent("progress", painted=10 - quarantined, failed=quarantined)
            return [counts, WorkerEvent("done", done=Done(10, quarantined, "log"))]
        if act == "lost":
            return [WorkerEvent("lost", text="was lost"), WorkerEvent("ready")]
        if isinstance(act, tuple):
            return [WorkerEvent("crashed", rows=act, text="crashed"), WorkerEvent("ready")]
        return [WorkerEvent(act, text="The disk is full.")]

    def stop(self) -> None:
        self.stops += 1

    def close(self) -> None:
        pass


def schedule(workers: Workers, shards: int = 6, finished: Finished | None = None, **options):
    rows = Rows(shards)
    plan = Plan("in", "out", "/", shard_size=10, rows=10 * shards)
    made = Schedule(plan, rows, finished or Finished(), workers, **options)
    return made, rows


def test_every_shard_is_done_once():
    workers = Workers(3)
    made, _ = schedule(workers)
    tally = made.run()
    assert Counter(task.shard.number for task in workers.given) == dict.fromkeys(range(6), 1)
    assert (tally.painted, tally.shards, tally.rows, tally.problem) == (60, 6, 60, "")
    assert workers.most_held == 3
    assert tally.seconds_left == 0


def test_shards_are_planned_when_they_are_needed():
    workers = Workers(2)
    made, rows = schedule(workers, 20_000)
    held = []
    plain = workers.events

    def events(timeout):
        held.append(rows.planned - len(workers.given))
        return plain(timeout)

    workers.events = events
    tracemalloc.start()
    workers.given = Counting()
    try:
        made.run()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert max(held) <= 1
    assert peak < 2e6


class Counting(list):
    """Counts what it is given, without holding it."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def append(self, item: object) -> None:
        self.count += 1

    def __len__(self) -> int:
        return self.count


def test_finished_shards_are_counted_and_not_given():
    done = {0: Done(10, 0, "a"), 3: Done(10, 2, "b")}
    workers = Workers(1)
    made, _ = schedule(workers, finished=Finished(done))
    tally = made.run()
    assert [task.shard.number for task in workers.given] == [1, 2, 4, 5]
    assert (tally.done_before, tally.failed_before, tally.rows) == (20, 2, 60)
    workers = Workers(1)
    made, _ = schedule(workers, finished=Finished(done), retry_failed=True)
    made.run()
    assert [(task.shard.number, task.redone) for task in workers.given][2] == (3, done[3])


def test_no_worker_is_started_for_nothing():
    workers = Workers(1)
    workers.start = None
    made, _ = schedule(workers, finished=Finished({n: Done(10, 0, "") for n in range(6)}))
    assert made.run().done_before == 60


@pytest.mark.parametrize("others", [(), (24, 26)])
def test_a_row_that_crashes_is_given_up_after_three_times(others):
    def act(task):
        if task.shard.number != 2 or task.crashes.get(25, 0) >= MOST_CRASHES:
            return "done"
        return (25,) if task.crashes else (25, *others)

    workers = Workers(2, act)
    made, _ = schedule(workers)
    tally = made.run()
    tasks = [task for task in workers.given if task.shard.number == 2]
    assert [task.crashes.get(25, 0) for task in tasks] == [0, 1, 2, 3]
    assert all(tasks[-1].crashes.get(row) == 1 for row in others)
    assert (tally.crashes, tally.failed, tally.painted, tally.problem) == (3, 1, 59, "")


def test_rows_told_again_after_a_crash_are_counted_once():
    attempts = []

    def did(task):
        attempts.append(task)
        if len(attempts) == 1:  # two kept from an earlier run, three painted, one failed
            counts = WorkerEvent("progress", painted=3, kept=2, failed=1, errors=(("5", "Bad."),))
            return [counts, WorkerEvent("crashed", rows=(6,), text="crashed"), WorkerEvent("ready")]
        counts = WorkerEvent("progress", painted=4, kept=5, failed=1, errors=(("5", "Bad."),))
        return [counts, WorkerEvent("done", done=Done(10, 1, "log"))]

    workers = Workers(1)
    workers._did = did
    made, _ = schedule(workers, 1)
    tally = made.run()
    assert (tally.painted, tally.kept, tally.failed, tally.rows) == (7, 2, 1, 10)
    assert tally.errors == [("5", "Bad.")]


def test_a_lost_machine_blames_no_row():
    lost = []

    def act(task):
        if task.shard.number in (1, 4) and len(lost) < 8:
            lost.append(task)
            return "lost"
        return "done"

    workers = Workers(2, act)
    made, _ = schedule(workers)
    tally = made.run()
    assert (tally.painted, tally.crashes, tally.problem) == (60, 0, "")
    assert all(not task.crashes for task in workers.given)


def test_a_shard_that_is_always_lost_ends_the_batch():
    workers = Workers(2, lambda task: "lost" if task.shard.number == 1 else "done")
    made, _ = schedule(workers)
    tally = made.run()
    assert "20 machines were lost while they worked on 10 rows of rows.jsonl" in tally.problem
    assert tally.crashes == 0


def test_crashes_outside_any_row_end_the_batch():
    workers = Workers(1, lambda task: () if task.shard.number == 1 else "done")
    made, _ = schedule(workers)
    tally = made.run()
    assert tally.crashes == 3
    assert "crashed, 3 times" in tally.problem


def test_workers_that_never_start_end_the_batch():
    workers = Workers(1)
    crashed = [(0, WorkerEvent("crashed", text="ended with exit code 1"))]
    workers.events = lambda timeout: crashed
    made, _ = schedule(workers)
    assert made.run().problem == (
        "The process of a worker ended with exit code 1 before it was ready."
    )


def test_a_full_disk_ends_the_batch():
    workers = Workers(2, lambda task: "failed" if task.shard.number == 1 else "done")
    made, _ = schedule(workers)
    tally = made.run()
    assert tally.problem == "The disk is full."
    assert workers.stops == 1
    assert len(workers.given) <= 3


def test_more_errors_than_allowed_end_the_batch():
    workers = Workers(1)
    workers._did = lambda task: [WorkerEvent("progress", failed=4), WorkerEvent("done")]
    made, _ = schedule(workers, max_errors=5)
    tally = made.run()
    assert (tally.failed, len(workers.given)) == (8, 2)
    assert "8 pictures failed" in tally.problem


def test_a_stop_ends_after_the_current_shards():
    workers = Workers(2)
    made, _ = schedule(workers, interrupted=lambda: len(workers.given) >= 3)
    tally = made.run()
    assert tally.is_stopped
    assert workers.stops == 1
    assert len(workers.given) <= 4
    assert tally.problem == ""

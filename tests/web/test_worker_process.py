"""Workers as the server sees them, also when they lie, hang or die."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from impasto.jobs.requests import StyleInput, StylizeRequest
from impasto.web import worker_process
from impasto.web.job import Job, State
from impasto.web.worker_events import take_event
from impasto.web.worker_process import WorkerEndedError, WorkerProcess

HEAD = """
import json, os, sys, time
def tell(**event): print(json.dumps(event), flush=True)
tell(task=0, event="ready")
task = json.loads(sys.stdin.readline())["task"]
"""


@pytest.fixture
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], WorkerProcess]:
    """A worker whose program is a test's own."""

    def make(program: str) -> WorkerProcess:
        (tmp_path / "program.py").write_text(HEAD + program)
        start = asyncio.create_subprocess_exec

        async def own(*command: str, **options: Any) -> Any:
            return await start(sys.executable, str(tmp_path / "program.py"), **options)

        monkeypatch.setattr(worker_process.asyncio, "create_subprocess_exec", own)
        return WorkerProcess(tmp_path)

    return make


def run(worker: WorkerProcess) -> list[dict[str, Any]]:
    async def act() -> list[dict[str, Any]]:
        try:
            return [event async for event in worker.run(do="run")]
        finally:
            await worker.close()

    return asyncio.run(asyncio.wait_for(act(), 60))


def test_events_of_a_task_until_its_last(worker):
    program = """
tell(task=99, event="finished")  # of a task that was given up
tell(task=task, event="progress", share=1)
tell(task=task, event="finished")
time.sleep(60)
"""
    assert run(worker(program)) == [{"event": "progress", "share": 1}, {"event": "finished"}]


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("os.kill(os.getpid(), 9)", "memory"),
        ("os.kill(os.getpid(), 11)", "SIGSEGV"),
        ("sys.exit(3)", "exit code 3"),
        ("print('not json', flush=True); time.sleep(60)", "ended"),
        ("print('[1]', flush=True); time.sleep(60)", "ended"),
        ("print('x' * (2 << 20), flush=True); time.sleep(60)", "ended"),
    ],
)
def test_a_worker_that_dies_or_lies_is_one_sentence(worker, program, told):
    with pytest.raises(WorkerEndedError, match=told) as ended:
        run(worker(program))
    assert str(ended.value).startswith("The process that made this picture ")
    assert str(ended.value).endswith(".")


def test_a_worker_that_does_not_start_is_given_up(worker, monkeypatch):
    monkeypatch.setattr(worker_process, "_START_SECONDS", 0.3)
    made = worker("")
    (made._folder / "program.py").write_text("import time; time.sleep(60)")
    with pytest.raises(WorkerEndedError, match="did not start"):
        run(made)


def test_a_worker_is_started_again_after_its_death(worker):
    made = worker('tell(task=task, event="finished")')

    async def act() -> int:
        for _ in range(3):
            assert [e async for e in made.run(do="run")] == [{"event": "finished"}]
            await made._process.wait()
            assert not made.is_ready
        return made.starts

    assert asyncio.run(asyncio.wait_for(act(), 60)) == 3


def test_a_stop_reaches_the_task(worker):
    program = """
stop = json.loads(sys.stdin.readline())
tell(task=task, event="finished", stopped=stop["do"] == "stop" and stop["task"] == task)
"""
    made = worker(program)

    async def act() -> list[dict[str, Any]]:
        events = made.run(do="run")
        first = asyncio.create_task(anext(events))
        await asyncio.sleep(0)
        while not made._tasks:
            await asyncio.sleep(0.01)
        await made.stop_task()
        event = await first
        await made.close()
        return [event]

    assert asyncio.run(asyncio.wait_for(act(), 60)) == [{"event": "finished", "stopped": True}]


def test_a_task_that_was_not_begun_is_given_to_the_next_process(worker, tmp_path):
    """Another task may have ended the process, which is no reason for this one to fail."""
    program = """
from pathlib import Path
if not Path("was-here").exists():
    Path("was-here").touch()
    os.kill(os.getpid(), 9)
tell(task=task, event="begun")
tell(task=task, event="finished")
"""
    made = worker(program)
    assert run(made) == [{"event": "begun"}, {"event": "finished"}]
    assert made.starts == 2


def test_a_task_that_was_begun_is_not_done_twice(worker):
    made = worker('tell(task=task, event="begun"); os.kill(os.getpid(), 9)')
    with pytest.raises(WorkerEndedError, match="memory"):
        run(made)
    assert made.starts == 1


def test_a_second_task_is_there_before_the_first_has_ended(worker):
    program = """
second = json.loads(sys.stdin.readline())["task"]
tell(task=second, event="begun")
tell(task=[task], event="finished")  # of no task
tell(task=task, event="finished", of="first")
tell(task=second, event="finished", of="second")
"""
    made = worker(program)

    async def act() -> list[list[dict[str, Any]]]:
        async def events(name: str) -> list[dict[str, Any]]:
            return [event async for event in made.run(name, do="run")]

        first = asyncio.create_task(events("first"))
        while not made._tasks:
            await asyncio.sleep(0.01)
        found = await asyncio.gather(first, events("second"))
        await made.close()
        return list(found)

    assert asyncio.run(asyncio.wait_for(act(), 60)) == [
        [{"event": "finished", "of": "first"}],
        [{"event": "begun"}, {"event": "finished", "of": "second"}],
    ]


def test_what_a_worker_says_is_not_trusted():
    request = StylizeRequest("content.upload", (StyleInput("great-wave"),))
    job = Job(request, "a", "", Path("folder"))
    assert take_event(job, {"event": "own_state", "state": "finished"}) == 0
    assert job.state is State.QUEUED
    assert (
        take_event(job, {"event": "finished", "is_finished": True, "width": "9", "height": None})
        == 0
    )
    assert job.state is State.FINISHED
    take_event(job, {"event": "note", "text": "x" * 10**6})
    assert len(json.dumps(job.described())) < 10_000

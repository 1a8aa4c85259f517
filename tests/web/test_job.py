"""Jobs: what is told of them, and to whom."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from impasto.jobs.requests import StyleInput, StylizeRequest
from impasto.web import job as jobs
from impasto.web.job import Job, State

REQUEST = StylizeRequest("content.upload", (StyleInput("great-wave"),))


def new_job() -> Job:
    return Job(REQUEST, "a", "", Path("folder"))


async def told(job: Job, after: int = 0) -> list[tuple[int, str, dict[str, Any]]]:
    return [event async for event in job.events(after)]


def test_ids_cannot_be_guessed_and_logs_do_not_contain_them():
    ids = {new_job().id for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"[\w-]{32}", one) for one in ids)  # 192 bits
    job = new_job()
    assert job.log_name not in job.id
    assert job.id not in job.log_name
    assert job.id not in str(job.folder)


def test_a_late_reader_hears_the_last_of_each_kind_and_all_notes():
    async def act() -> list[tuple[int, str, dict[str, Any]]]:
        job = new_job()
        for share in (0.1, 0.2, 0.3):
            job.tell("progress", share=share)
            job.tell("note", text=f"note {share}")
        job.state = State.FINISHED
        job.tell_state()
        return await told(job)

    events = asyncio.run(act())
    assert [name for _, name, _ in events] == ["note", "note", "progress", "note", "state"]
    assert events[2][2] == {"share": 0.3}
    serials = [serial for serial, _, _ in events]
    assert serials == sorted(serials)


def test_a_reader_goes_on_where_it_was_broken_off():
    async def act() -> list[str]:
        job = new_job()
        job.tell("planned")
        job.tell("progress")
        job.state = State.FINISHED
        job.tell_state()
        return [name for _, name, _ in await told(job, after=1)]

    assert asyncio.run(act()) == ["progress", "state"]


def test_a_reader_waits_for_what_is_told_later():
    async def act() -> list[str]:
        job = new_job()
        reading = asyncio.create_task(told(job))
        for _ in range(3):
            await asyncio.sleep(0.1)
            job.tell("progress")
        job.state = State.STOPPED
        job.tell_state()
        return [name for _, name, _ in await asyncio.wait_for(reading, 5)]

    assert asyncio.run(act()) == ["progress", "progress", "progress", "state"]


def test_a_quiet_job_shows_that_the_connection_lives(monkeypatch):
    monkeypatch.setattr(jobs, "QUIET_SECONDS", 0.02)

    async def act() -> tuple[int, str, dict[str, Any]]:
        async for event in new_job().events():
            return event
        raise AssertionError

    assert asyncio.run(act()) == (0, "", {})


def test_notes_are_bounded():
    job = new_job()
    for number in range(100):
        job.tell("note", text=str(number))
    notes = job.described()["notes"]
    assert len(notes) == 20
    assert notes[-1] == "99"


def test_a_job_that_begins_again_has_not_ended():
    job = new_job()
    job.state, job.is_resumable, job.must_stop = State.STOPPED, True, True
    job.tell("finished", width=1)
    job.begin_again()
    assert job.state is State.QUEUED
    assert not job.must_stop
    assert "finished" not in job.described()["events"]

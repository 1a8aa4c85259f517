"""What workers tell, checked: they have decoded what clients sent, so they are not trusted."""

from __future__ import annotations

import logging
import math
from typing import Any

from impasto.errors import ImpastoError
from impasto.web.job import Job, State
from impasto.web.lane import Question
from impasto.web.telemetry import log
from impasto.web.worker_process import WorkerEndedError, WorkerProcess

_LONGEST_TEXT = 2000  # characters of an event from a worker


def take_event(job: Job, event: dict[str, Any]) -> int:
    """Take what a worker tells of a job.

    Args:
        job: That it does.
        event: As it came.

    Returns:
        The pixels of a result, those of all frames of a clip; 0 for other events.
    """
    event = dict(event)
    kind = event.pop("event")
    if trace := event.pop("trace", None):
        log("mistake", level=logging.ERROR, job=job.log_name, trace=str(trace))
    for name, value in event.items():
        if isinstance(value, str) and name != "request":
            event[name] = value[:_LONGEST_TEXT]
    if kind == "finished":
        job.state = State.FINISHED if event.get("is_finished") else State.STOPPED
        job.is_resumable = bool(event.get("is_resumable"))
    elif kind == "failed":
        job.state = State.STOPPED if job.must_stop else State.FAILED
    elif kind not in ("planned", "progress", "preview", "note"):
        return 0
    job.tell(kind, **event)
    sides = [event.get("width"), event.get("height"), event.get("frames", 1)]
    if kind != "finished" or not all(type(side) is int for side in sides):
        return 0
    return math.prod(sides)


async def ask(question: Question, worker: WorkerProcess) -> None:
    """Ask a worker; the future of the question gets the answer, or what is wrong."""
    answer: str | ImpastoError = ImpastoError("The server did not find an answer.")
    try:
        async for event in worker.run(question, folder=str(question.folder), **question.task):
            if event["event"] == "finished":
                answer = str(event.get("answer", ""))
            elif event["event"] == "failed":
                answer = ImpastoError(str(event.get("message", ""))[:_LONGEST_TEXT])
    except WorkerEndedError as error:
        answer = ImpastoError(str(error))
    if question.answer.done():
        return
    if isinstance(answer, str):
        question.answer.set_result(answer)
    else:
        question.answer.set_exception(answer)

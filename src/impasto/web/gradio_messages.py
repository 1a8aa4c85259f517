"""Events of jobs as messages of Gradio's protocol."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from impasto.web.job import Job
from impasto.web.job_files import FILES


def messages_of(job: Job, event: str, data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The messages of an event; those of the end are :func:`completed`.

    Args:
        job: That it is of.
        event: Its kind; empty if nothing has happened for a while.
        data: What it tells.
    """
    head = {"event_id": job.id}
    if event == "state" and data["state"] == "queued":
        place = data["place"]
        yield {"msg": "estimation", **head, "rank": place - 1, "queue_size": place,
               "rank_eta": None}  # fmt: skip
    elif event == "state" and data["state"] == "running":
        yield {"msg": "process_starts", **head, "eta": None}
    elif event == "progress":
        unit = {"index": data.get("number"), "length": None, "unit": "steps",
                "progress": data.get("share"), "desc": None}  # fmt: skip
        yield {"msg": "progress", **head, "progress_data": [unit]}
    elif event == "note":
        yield {"msg": "log", **head, "log": data.get("text"), "level": "info"}


def completed(job: Job) -> dict[str, Any]:
    """The last message of a job: its file, or what went wrong."""
    if not job.formats:
        failure = job.described()["events"].get("failed", {})
        return failed(job.id, failure.get("message") or "It was stopped before there was a result.")
    name, media_type = FILES[job.formats[0]]
    file = {
        "path": f"{job.id}/{name}",
        "url": None,
        "orig_name": name,
        "size": None,
        "mime_type": media_type,
        "is_stream": False,
        "meta": {"_type": "gradio.FileData"},
    }
    return _end(job.id, {"data": [file]}, success=True)


def failed(name: str, message: str) -> dict[str, Any]:
    """The last message of a call that came to nothing.

    Args:
        name: Of the call.
        message: One sentence.
    """
    return _end(name, {"error": message, "visible": True}, success=False)


def _end(name: str, output: dict[str, Any], *, success: bool) -> dict[str, Any]:
    return {"msg": "process_completed", "event_id": name, "output": output, "success": success,
            "title": None}  # fmt: skip

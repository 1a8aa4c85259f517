"""The part of Gradio's protocol that its clients speak, in front of the same jobs.

``gradio_client.Client(address)`` asks ``/config`` and ``info``, uploads files, joins the queue and
reads the messages of its session as a stream (version ``sse_v2.1``). Every call becomes a posted
request (:mod:`impasto.web.posted`) and goes through the same gate, limits and queue. Paths in
messages are ids of uploads and jobs; none of them is a name in the file system.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from impasto.errors import ImpastoError, OptionError
from impasto.web.calls import CALLS, Call
from impasto.web.gate import CLIENT
from impasto.web.gradio_files import GradioFiles
from impasto.web.gradio_messages import completed, failed, messages_of
from impasto.web.gradio_schema import PREFIX, RUN, config, info
from impasto.web.intake import Intake, address_of
from impasto.web.job import QUIET_SECONDS, Job
from impasto.web.receiving import received_json
from impasto.web.routes import answers_errors
from impasto.web.streams import Streams
from impasto.web.studio import RefusedError, Studio

_LONGEST_CALL = 1 << 20
_SHORTEST_SESSION, _LONGEST_SESSION = 8, 100
_MOST_SESSIONS = 10_000
_MOST_ENDED = 100
"""Calls of a session that were refused and are not told yet."""


class _Session:
    """The calls of one client object, and what waits to be told of them."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.refused: list[dict[str, Any]] = []
        self.changed = asyncio.Event()


class GradioApi:
    """The routes of the protocol.

    Args:
        studio: Does the work.
        intake: Takes jobs.
        streams: Counts event streams.
    """

    def __init__(self, studio: Studio, intake: Intake, streams: Streams) -> None:
        self._studio, self._intake, self._streams = studio, intake, streams
        self._files = GradioFiles(studio)
        self._sessions: dict[tuple[str, str], _Session] = {}
        self.routes = [
            Route("/config", self.config),
            Route(f"{PREFIX}/info", self.info),
            Route(f"{PREFIX}/upload", self.upload, methods=["POST"]),
            Route(f"{PREFIX}/queue/join", self.join, methods=["POST"]),
            Route(f"{PREFIX}/queue/data", self.data),
            Route(f"{PREFIX}/cancel", self.cancel, methods=["POST"]),
            Route(f"{PREFIX}/reset", self.cancel, methods=["POST"]),
            Route(f"{PREFIX}/file={{id}}/{{name}}", self.file),
        ]

    @answers_errors
    async def config(self, request: Request) -> Response:
        """What clients ask first."""
        return JSONResponse(config(self._studio.limits))

    @answers_errors
    async def info(self, request: Request) -> Response:
        """The calls with their parameters."""
        return JSONResponse(info())

    @answers_errors
    async def upload(self, request: Request) -> Response:
        """Keep a file until the call that names it."""
        client: str = request.scope[CLIENT]
        async with self._intake.received(request) as form:
            return JSONResponse([await self._files.add(client, form, name) for name in form.files])

    @answers_errors
    async def join(self, request: Request) -> Response:
        """Take a call."""
        client: str = request.scope[CLIENT]
        self._intake.count(request)
        body = await received_json(request, _LONGEST_CALL)
        if not isinstance(body, dict) or not isinstance(body.get("data"), list):
            raise RefusedError(422, "A call is an object with the lists of its data.")
        session = self._session(client, body.get("session_hash"))
        try:
            job = await self._take(request, body.get("fn_index"), body["data"])
        except RefusedError:
            raise
        except ImpastoError as error:  # as an error of the call, its sentence reaches the person
            if len(session.refused) >= _MOST_ENDED:
                raise
            name = secrets.token_urlsafe(12)
            session.refused.append(failed(name, error.render(lambda text: text.replace("_", " "))))
            session.changed.set()
            return JSONResponse({"event_id": name})
        session.jobs[job.id] = job
        session.changed.set()
        return JSONResponse({"event_id": job.id})

    async def _take(self, message: Request, index: object, data: list[Any]) -> Job:
        client: str = message.scope[CLIENT]
        names = [*CALLS, RUN]
        if type(index) is not int or not 0 <= index < len(names):
            raise OptionError("There is no such call: info lists them.")
        files: dict[str, str] = {}  # name of an upload → path that the client was told
        if names[index] == RUN:
            request = _own_request(data, files)
        else:
            request = _request_of_call(CALLS[names[index]], data, files)
        kept = {name: self._files.find(client, path) for name, path in files.items()}
        return await self._intake.take(
            json.dumps(request), files, lambda name, to: self._files.use(kept[name], to),
            client=client,
            address=address_of(message),
        )  # fmt: skip

    def _session(self, client: str, name: object) -> _Session:
        """The session of a client; others that have nothing to tell are forgotten."""
        if not isinstance(name, str) or not _SHORTEST_SESSION <= len(name) <= _LONGEST_SESSION:
            raise RefusedError(422, "A call has a session_hash, a random text.")
        if len(self._sessions) >= _MOST_SESSIONS:
            for key, session in list(self._sessions.items()):
                if not any(self._studio.find(job) for job in session.jobs):
                    del self._sessions[key]
        if len(self._sessions) >= _MOST_SESSIONS:
            raise RefusedError(503, "Too many sessions: try again later.")
        return self._sessions.setdefault((client, name), _Session())

    @answers_errors
    async def data(self, request: Request) -> Response:
        """The messages of a session, as a stream."""
        client: str = request.scope[CLIENT]
        self._streams.check(client)
        key = client, request.query_params.get("session_hash", "")
        if key not in self._sessions:
            raise RefusedError(404, "There is no such session: join the queue first.")
        headers = {"x-accel-buffering": "no"}
        return StreamingResponse(self._stream(key), media_type="text/event-stream", headers=headers)

    async def _stream(self, key: tuple[str, str]) -> AsyncIterator[str]:
        session, queue = self._sessions[key], asyncio.Queue[dict[str, Any]](1)
        following: dict[str, asyncio.Task[None]] = {}
        with self._streams.opened(key[0]):
            watching = asyncio.create_task(self._watch(session, queue, following))
            try:
                while True:
                    try:
                        message = await asyncio.wait_for(queue.get(), QUIET_SECONDS)
                    except asyncio.TimeoutError:
                        message = {"msg": "heartbeat"}
                    yield f"data: {json.dumps(message)}\n\n"
                    if message["msg"] == "process_completed":
                        session.jobs.pop(message["event_id"], None)
                    elif message["msg"] == "heartbeat" and not session.jobs:
                        return
            finally:
                for task in (watching, *following.values()):
                    task.cancel()
                if not session.jobs and not session.refused:
                    self._sessions.pop(key, None)

    async def _watch(
        self,
        session: _Session,
        queue: asyncio.Queue[dict[str, Any]],
        following: dict[str, asyncio.Task[None]],
    ) -> None:
        """Follow every job of a session, those that come later included."""
        while True:
            session.changed.clear()
            while session.refused:
                await queue.put(session.refused.pop(0))
            for name, job in list(session.jobs.items()):
                if name not in following:
                    following[name] = asyncio.create_task(self._follow(job, queue))
            await session.changed.wait()

    async def _follow(self, job: Job, queue: asyncio.Queue[dict[str, Any]]) -> None:
        async for _, event, data in job.events():
            for message in messages_of(job, event, data):
                await queue.put(message)
        await queue.put(completed(job))

    @answers_errors
    async def cancel(self, request: Request) -> Response:
        """Stop a call after its current step."""
        body = await received_json(request, _LONGEST_CALL)
        name = body.get("event_id") if isinstance(body, dict) else None
        job = self._studio.find(name) if isinstance(name, str) else None
        if job is not None and not job.state.is_end:
            await self._studio.stop(job)
        return JSONResponse({"success": job is not None})

    @answers_errors
    async def file(self, request: Request) -> Response:
        """The result of a call."""
        job, name = self._studio.find(request.path_params["id"]), request.path_params["name"]
        found = None if job is None else self._files.result(job, name)
        if found is None:
            raise RefusedError(404, "There is no such file: it may be too old, and was removed.")
        path, media_type = found
        return FileResponse(path, media_type=media_type)


def _request_of_call(call: Call, data: list[Any], files: dict[str, str]) -> dict[str, Any]:
    """The posted request of a call; files are noted."""
    if len(data) != 2 + len(call.entries):
        raise OptionError(f"The call takes {2 + len(call.entries)} values, not {len(data)}.")
    files["content"] = _path_of(data[0], "content")
    style = data[1]
    if not isinstance(style, str):
        files["style"] = _path_of(style, "style")
        style = "upload:style"
    return call.request(style, dict(zip(call.entries, data[2:], strict=True)))


def _own_request(data: list[Any], files: dict[str, str]) -> Mapping[str, Any]:
    """A request of any kind, with its files by name."""
    if len(data) != 2 or not isinstance(data[0], dict) or not isinstance(data[1] or {}, dict):
        raise OptionError("The call takes a request and an object of files by their names.")
    for name, file in (data[1] or {}).items():
        files[name] = _path_of(file, name)
    request: Mapping[str, Any] = data[0]
    return request


def _path_of(file: object, what: str) -> str:
    path = file.get("path") if isinstance(file, dict) else None
    if not isinstance(path, str):
        raise OptionError(f"The {what} must be a file: give handle_file('photo.jpg').")
    return path

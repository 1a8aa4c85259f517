"""What each route of the service does."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse

from impasto.errors import ImpastoError
from impasto.web.about import about
from impasto.web.code import job_as_code, shown_names
from impasto.web.gate import CLIENT, SESSION, Gate
from impasto.web.intake import Intake, address_of
from impasto.web.job import Job
from impasto.web.job_files import FILES, ON_REQUEST, PREVIEW
from impasto.web.openapi import openapi
from impasto.web.planning import read_shapes
from impasto.web.posted import read_posted
from impasto.web.receiving import received_json
from impasto.web.sessions import Sessions
from impasto.web.streams import Streams
from impasto.web.studio import RefusedError, Studio

_S = TypeVar("_S")

_LONGEST_TOKEN_BODY = 4096
_LONGEST_PLAN_BODY = 1 << 18


def answers_errors(
    route: Callable[[_S, Request], Awaitable[Response]],
) -> Callable[[_S, Request], Awaitable[Response]]:
    """A route whose errors become answers of one sentence."""

    @functools.wraps(route)
    async def answer(self: _S, request: Request) -> Response:
        try:
            return await route(self, request)
        except RefusedError as error:
            headers = {"retry-after": str(max(1, round(error.retry_after)))}
            return problem(error.status, str(error), headers=headers)
        except ImpastoError as error:
            return problem(422, error.render(_plain), error.field)
        except HTTPException as error:  # of the parser of forms
            return problem(error.status_code, f"{error.detail.rstrip('.')}.")
        except ClientDisconnect:
            return problem(400, "The message ended early: send it again.")
        except OSError:
            return problem(507, "The server has no room for the files: try again later.")

    return answer


def problem(status: int, message: str, field: str = "", **options: Any) -> JSONResponse:
    """An answer that says what is wrong."""
    return JSONResponse({"error": {"message": message, "field": field}}, status, **options)


class Routes:
    """The routes, bound to a studio.

    Args:
        studio: Does the work.
        sessions: Makes cookies.
        intake: Takes jobs.
        streams: Counts event streams.
    """

    def __init__(
        self, studio: Studio, sessions: Sessions, intake: Intake, streams: Streams
    ) -> None:
        self._studio, self._sessions = studio, sessions
        self._intake, self._streams = intake, streams
        self.gate: Gate | None = None

    # --- jobs -------------------------------------------------------------------------------------

    @answers_errors
    async def post_job(self, request: Request) -> Response:
        """Take a job."""
        async with self._intake.received(request) as form:
            if not form.text:
                raise RefusedError(422, "The field 'request' is missing: it says what to make.")
            job = await self._intake.take(
                form.text,
                form.files,
                form.save,
                client=request.scope[CLIENT],
                address=address_of(request),
                session=request.scope[SESSION],
                clip_format=form.format,
            )
            job.names.update(
                shown_names({name: file.filename for name, file in form.files.items()})
            )
        return JSONResponse(_described(job), 202, headers={"location": f"/api/jobs/{job.id}"})

    @answers_errors
    async def list_jobs(self, request: Request) -> Response:
        """The jobs of this browser session."""
        jobs = self._studio.of_session(request.scope[SESSION])
        return JSONResponse({"jobs": [_described(job) for job in jobs]})

    @answers_errors
    async def get_job(self, request: Request) -> Response:
        """Where a job stands."""
        return JSONResponse(_described(self._job(request)))

    @answers_errors
    async def delete_job(self, request: Request) -> Response:
        """Stop a job and forget it."""
        await self._studio.delete(self._job(request))
        return Response(status_code=204)

    @answers_errors
    async def stop_job(self, request: Request) -> Response:
        """Stop a job after its current step, and keep what is painted."""
        job = self._job(request)
        await self._studio.stop(job)
        return JSONResponse(_described(job), 202)

    @answers_errors
    async def resume_job(self, request: Request) -> Response:
        """Go on with a job that was stopped."""
        self._intake.count(request)
        job = self._job(request)
        self._studio.resume(job)
        return JSONResponse(_described(job), 202)

    @answers_errors
    async def events(self, request: Request) -> Response:
        """The events of a job, as a stream."""
        job, client = self._job(request), request.scope[CLIENT]
        self._streams.check(client)
        last = request.headers.get("last-event-id", "")
        after = int(last) if last.isascii() and last.isdigit() and len(last) < 12 else 0
        headers = {"x-accel-buffering": "no"}  # a proxy passes each event on at once
        stream = self._stream(job, client, after)
        return StreamingResponse(stream, media_type="text/event-stream", headers=headers)

    async def _stream(self, job: Job, client: str, after: int) -> AsyncIterator[str]:
        with self._streams.opened(client):
            async for serial, event, data in job.events(after):
                if event:
                    yield f"id: {serial}\nevent: {event}\ndata: {json.dumps(data)}\n\n"
                else:
                    yield ": nothing new\n\n"

    @answers_errors
    async def preview(self, request: Request) -> Response:
        """The picture so far."""
        path = self._job(request).folder / PREVIEW
        if not path.is_file():
            raise RefusedError(404, "There is no picture yet.")
        # At once: the worker replaces the file twice a second.
        return Response(path.read_bytes(), media_type="image/jpeg")

    @answers_errors
    async def result(self, request: Request) -> Response:
        """The picture or clip, in one of its formats."""
        job = self._job(request)
        form = request.query_params.get("format") or next(iter(job.formats), "png")
        if form not in FILES:
            raise RefusedError(422, f"The format must be one of {', '.join(FILES)}.")
        if form not in job.formats:
            what = f"as {form.upper()}" if job.formats else "yet"
            raise RefusedError(404, f"There is no picture {what}.")
        name, media_type = FILES[form]
        path = job.folder / name
        if form in ON_REQUEST and not path.is_file():
            await self._studio.convert(job, form)
        shown = f"painting-{job.log_name[:6]}.{name.partition('.')[2]}"
        is_download = "download" in request.query_params
        kind = "attachment" if is_download else "inline"
        return FileResponse(
            path, media_type=media_type, filename=shown, content_disposition_type=kind
        )

    @answers_errors
    async def code(self, request: Request) -> Response:
        """A job as a command and as a program."""
        return JSONResponse(job_as_code(self._job(request)))

    @answers_errors
    async def post_plan(self, request: Request) -> Response:
        """What a request would take, without its pictures."""
        client = request.scope[CLIENT]
        self._intake.count(request)
        body = await received_json(request, _LONGEST_PLAN_BODY)
        if not isinstance(body, dict) or not isinstance(body.get("request"), dict):
            raise RefusedError(422, "Send JSON with a request and the shapes of its uploads.")
        shapes = read_shapes(body.get("shapes"), self._studio.limits)
        posted = read_posted(json.dumps(body["request"]), shapes, self._studio.limits)
        if posted.request.kind in ("stylize", "video"):
            raise RefusedError(422, "Only paintings, textures and reconstructions are planned.")
        folder = self._studio.new_folder()
        try:
            for name, sample in posted.copies.items():
                shutil.copyfile(sample, folder / name)
            found = await self._studio.plan(posted, shapes, folder, client)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return JSONResponse(json.loads(found))

    @answers_errors
    async def post_settings(self, request: Request) -> Response:
        """The request in the metadata of a picture that Impasto made."""
        client = request.scope[CLIENT]
        async with self._intake.received(request) as form:
            if list(form.files) != ["picture"]:
                raise RefusedError(422, "Send one file, called picture.")
            folder = self._studio.new_folder()
            try:
                await form.save("picture", folder / "picture")
                text = await self._studio.read_request(folder, client)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        return JSONResponse({"request": json.loads(text)})

    def _job(self, request: Request) -> Job:
        job = self._studio.find(request.path_params["id"])
        if job is None:
            raise RefusedError(404, "There is no such job: it may be too old, and was removed.")
        return job

    # --- the server -------------------------------------------------------------------------------

    @answers_errors
    async def post_session(self, request: Request) -> Response:
        """Give the token once, to be let in by a cookie."""
        body = await received_json(request, _LONGEST_TOKEN_BODY)
        token = body.get("token") if isinstance(body, dict) else None
        address = request.client.host if request.client else ""
        if not isinstance(token, str) or not self._sessions.is_token(token):
            assert self.gate is not None
            if self.gate.count_wrong_token(address):
                raise RefusedError(429, "Too many wrong tokens: wait a minute.", retry_after=60)
            raise RefusedError(401, "This is not the server's token.")
        name, value = self._sessions.new_cookie(
            is_allowed=True, is_secure=request.url.scheme == "https"
        )
        return Response(status_code=204, headers={name: value})

    @answers_errors
    async def about(self, request: Request) -> Response:
        """What the server can do, and its limits."""
        return JSONResponse(about(self._studio.settings))

    async def openapi(self, request: Request) -> Response:
        """The description of the service."""
        return JSONResponse(openapi(self._studio.limits))

    async def healthz(self, request: Request) -> Response:
        """Whether the server answers."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        """Whether it takes jobs."""
        is_ready = self._studio.is_ready
        return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)


def _described(job: Job) -> dict[str, Any]:
    address = f"/api/jobs/{job.id}"
    described = job.described()
    links = {"self": address, "events": f"{address}/events", "page": f"/#job={job.id}"}
    if "preview" in described["events"]:
        links["preview"] = f"{address}/preview"
    if job.formats:
        links["result"] = f"{address}/result"
    return {**described, "links": links}


def _plain(name: str) -> str:
    return name.replace("_", " ")

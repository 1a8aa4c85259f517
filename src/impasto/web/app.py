"""The application: routes, files of the page, the gate around them.

It stands on Starlette and uvicorn, which have few dependencies and leave every byte and header to
the program. Gradio's ``Server`` brings a queue and streams of its own, but runs jobs in threads of
the server, where a crash ends everything; it installs dozens of packages, and serves files by their
paths. FastAPI would add a second form of every request beside the declared entries, and its pages
load scripts from another site.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from impasto.images.samples import SAMPLES
from impasto.web.about import STATIC
from impasto.web.gate import ROUTE, SESSION, Gate
from impasto.web.gradio_api import GradioApi
from impasto.web.intake import Intake
from impasto.web.mcp_api import McpApi
from impasto.web.rates import RateLimit
from impasto.web.routes import Routes, problem
from impasto.web.sessions import Sessions
from impasto.web.settings import Settings
from impasto.web.streams import Streams
from impasto.web.studio import Studio
from impasto.web.telemetry import Telemetry


def create_app(settings: Settings, folder: Path) -> tuple[ASGIApp, Studio]:
    """The service as an ASGI application, and its studio, which starts and ends with it.

    Args:
        settings: How it runs.
        folder: For all files.
    """
    telemetry, sessions = Telemetry(), Sessions(settings.token, is_embedded=bool(settings.embed_in))
    studio = Studio(settings, folder, telemetry)
    intake, streams = Intake(studio), Streams()
    new_sessions = RateLimit(settings.limits.rate)
    routes = Routes(studio, sessions, intake, streams)
    gradio, mcp = GradioApi(studio, intake, streams), McpApi(studio, intake)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await studio.start()
        try:
            yield
        finally:
            await mcp.close()
            await studio.close()

    async def page(request: Request) -> Response:
        response = FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})
        address = request.client.host if request.client else ""
        if not (request.scope[SESSION] or new_sessions.seconds_to_wait(address)):
            is_secure = request.url.scheme == "https"
            name, value = sessions.new_cookie(is_allowed=False, is_secure=is_secure)
            response.headers[name] = value
        return response

    async def api_page(_: Request) -> Response:
        return FileResponse(STATIC / "api.html", headers={"cache-control": "no-cache"})

    async def metrics(_: Request) -> Response:
        return Response(telemetry.text(), media_type="text/plain; version=0.0.4")

    async def not_found(_: Request, error: Exception) -> Response:
        return problem(getattr(error, "status_code", 404), "There is nothing at this address.")

    async def mistake(_: Request, error: Exception) -> Response:
        return problem(500, "The server failed: its log says where.")

    table = [
        Route("/", page),
        Route("/api", api_page),
        Route("/openapi.json", routes.openapi),
        Route("/healthz", routes.healthz),
        Route("/readyz", routes.readyz),
        Route("/metrics", metrics),
        Route("/api/about", routes.about),
        Route("/api/session", routes.post_session, methods=["POST"]),
        Route("/api/settings", routes.post_settings, methods=["POST"]),
        Route("/api/plan", routes.post_plan, methods=["POST"]),
        Route("/api/jobs", routes.post_job, methods=["POST"]),
        Route("/api/jobs", routes.list_jobs, methods=["GET"]),
        Route("/api/jobs/{id}", routes.get_job, methods=["GET"]),
        Route("/api/jobs/{id}", routes.delete_job, methods=["DELETE"]),
        Route("/api/jobs/{id}/events", routes.events),
        Route("/api/jobs/{id}/stop", routes.stop_job, methods=["POST"]),
        Route("/api/jobs/{id}/resume", routes.resume_job, methods=["POST"]),
        Route("/api/jobs/{id}/code", routes.code),
        Route("/api/jobs/{id}/preview", routes.preview),
        Route("/api/jobs/{id}/result", routes.result),
        *gradio.routes,
        *mcp.routes,
        Mount("/static/samples", StaticFiles(directory=SAMPLES), name="samples"),
        Mount("/static", StaticFiles(directory=STATIC), name="static"),
    ]
    for route in table:
        if isinstance(route, Route):
            route.app = _named(route.app, route.path)
    handlers: dict[Any, Callable[..., Any]] = {404: not_found, 405: not_found, 500: mistake}
    app = Starlette(routes=table, lifespan=lifespan, exception_handlers=handlers)
    routes.gate = Gate(app, settings, sessions, telemetry)
    return routes.gate, studio


def _named(app: ASGIApp, path: str) -> ASGIApp:
    """An endpoint that leaves the pattern of its path in the scope, for metrics."""

    async def endpoint(scope: Scope, receive: Receive, send: Send) -> None:
        scope[ROUTE] = path
        await app(scope, receive, send)

    return endpoint

"""The address of the Model Context Protocol (streamable HTTP): ``/mcp``, in front of the same jobs.

The protocol is spoken by its official SDK (extra ``[mcp]``), imported by the first message. What
comes before it, gate, counting and bounded bodies, is as for every other message.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from impasto.runtime.optional import is_installed
from impasto.web.intake import Intake
from impasto.web.receiving import received_body
from impasto.web.routes import answers_errors
from impasto.web.studio import RefusedError, Studio

_MOST_BYTES = 32_000_000
"""Of a message, which is held in memory; files in it are in base64."""


class McpApi:
    """The route of the protocol.

    Args:
        studio: Does the work.
        intake: Takes jobs.
    """

    def __init__(self, studio: Studio, intake: Intake) -> None:
        self._studio, self._intake = studio, intake
        self._starting = asyncio.Lock()
        self._running: asyncio.Task[None] | None = None
        self._manager: Any = None
        self.routes = [Route("/mcp", self.message, methods=["POST"])]

    @answers_errors
    async def message(self, request: Request) -> Response:
        """Answer a message; calls of tools as a stream, with their progress."""
        if not is_installed("mcp"):
            raise RefusedError(
                501, "This server has no MCP: its operator has to install the extra [mcp]."
            )
        self._intake.count(request)
        most = min(_MOST_BYTES, 2 * self._studio.limits.upload_bytes)
        with self._intake.arriving(request):
            body = await received_body(request, most)
        return _Handled(await self._started(), body)

    async def _started(self) -> Any:
        """The SDK's side, started by the first message."""
        async with self._starting:
            if self._manager is None:
                name = "impasto.web.mcp_tools"
                tools = await asyncio.to_thread(importlib.import_module, name)
                manager, is_running = tools.manager_of(self._studio, self._intake), asyncio.Event()

                async def run() -> None:
                    async with manager.run():
                        is_running.set()
                        await asyncio.Event().wait()

                self._running = asyncio.create_task(run())
                await is_running.wait()
                self._manager = manager
        return self._manager

    async def close(self) -> None:
        """End all calls."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running


class _Handled(Response):
    """What the SDK answers to a message whose body has been read."""

    def __init__(self, manager: Any, body: bytes) -> None:
        super().__init__()
        self._manager, self._read = manager, body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_given = False

        async def again() -> Message:
            nonlocal is_given
            if is_given:
                return await receive()  # the end of the connection
            is_given = True
            return {"type": "http.request", "body": self._read, "more_body": False}

        await self._manager.handle_request(scope, again, send)

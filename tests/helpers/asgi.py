"""Messages to an ASGI application without a server."""

from __future__ import annotations

import asyncio
from typing import Any

from helpers.web_client import Answer


def ask(
    app: Any,
    path: str = "/",
    method: str = "GET",
    body: bytes | list[bytes | None] = b"",
    *,
    address: str = "127.0.0.1",
    **headers: str,
) -> Answer:
    """The answer to one message; a list of bodies arrives in parts, and stops at None."""
    return asyncio.run(asked(app, path, method, body, address=address, **headers))


async def asked(
    app: Any,
    path: str,
    method: str = "GET",
    body: bytes | list[bytes | None] = b"",
    *,
    address: str = "127.0.0.1",
    **headers: str,
) -> Answer:
    """The same, within an event loop."""
    named = {"host": "127.0.0.1:8400", **{k.replace("_", "-"): v for k, v in headers.items()}}
    parts = list(body) if isinstance(body, list) else [body]
    path, _, query = path.partition("?")
    scope = {
        "type": "http", "http_version": "1.1", "method": method, "path": path,
        "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
        "scheme": "http", "client": (address, 5000), "server": ("127.0.0.1", 8400),
        "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in named.items()],
    }  # fmt: skip
    answer = Answer(0, {}, b"")

    async def receive() -> dict[str, Any]:
        part = parts.pop(0) if parts else None
        if part is None:  # nothing comes any more
            await asyncio.sleep(3600)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {k.decode(): v.decode() for k, v in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    await app(scope, receive, send)
    return answer

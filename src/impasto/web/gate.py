"""The gate: which messages are let in, and the headers of every response.

A page of another site can make a browser send messages to this server, also where the server
listens to the own machine only. So the gate checks the name that the server was called by (a
foreign name may lead here, too), and where a message comes from, before anything is read.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from impasto.web.rates import RateLimit
from impasto.web.sessions import Sessions
from impasto.web.settings import Settings
from impasto.web.telemetry import Telemetry

CLIENT, SESSION = "impasto.client", "impasto.session"
"""Keys of the scope: who takes turns in the queue, and the browser session or an empty text."""

ROUTE = "impasto.route"
"""Key of the scope: the pattern of the path, for metrics."""

HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}

_FREE = ("/", "/api", "/openapi.json", "/healthz", "/readyz", "/api/session")
"""Paths that need no token; files of the page do not either."""

_PAGES = ("/", "/api")
_NOT_STORED = ("/api/", "/gradio_api/", "/mcp")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_OWN_SITES = ("same-origin", "none")
_TOKENS_A_MINUTE = 30
"""Wrong tokens that one address may try."""


@dataclass(frozen=True)
class Refusal:
    """Why a message is not let in."""

    status: int
    message: str


def headers_for(settings: Settings) -> Mapping[str, str]:
    """``HEADERS``, with the sites that may show the page in a frame."""
    if not settings.embed_in:
        return HEADERS
    headers = {name: value for name, value in HEADERS.items() if name != "x-frame-options"}
    policy, name = headers["content-security-policy"], "frame-ancestors"
    sites = " ".join(settings.embed_in)
    headers["content-security-policy"] = policy.replace(f"{name} 'none'", f"{name} {sites}")
    return headers


class Gate:
    """The outermost layer of the application.

    Args:
        app: What is inside.
        settings: Of the service.
        sessions: Checks cookies and tokens.
        telemetry: Counts requests.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, sessions: Sessions, telemetry: Telemetry
    ) -> None:
        self._app, self._settings = app, settings
        self._sessions, self._telemetry = sessions, telemetry
        self._headers = headers_for(settings)
        self._names = {name.lower() for name in settings.host_names} | {"localhost"}
        if not settings.is_loopback:
            self._names.add(socket.gethostname().lower())
        self._wrong_tokens = RateLimit(_TOKENS_A_MINUTE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a message, or let it in."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), 500

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                if scope["path"].startswith(_NOT_STORED):
                    headers["cache-control"] = "no-store"
            await send(message)

        try:
            refusal = self._refusal(scope)
            if refusal is None:
                await self._app(scope, receive, send_with_headers)
            else:
                body = {"error": {"message": refusal.message, "field": ""}}
                response = JSONResponse(body, refusal.status)
                await response(scope, receive, send_with_headers)
        finally:
            route, seconds = scope.get(ROUTE, "other"), time.monotonic() - began
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._telemetry.request_answered(method, route, status, seconds)

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = Headers(scope=scope)
        address = scope["client"][0] if scope.get("client") else ""
        session = self._sessions.read(headers.get("cookie", ""))
        scope[SESSION] = session.name if session else ""
        scope[CLIENT] = session.name if session else f"address {address}"
        if not self._is_own_name(headers.get("host", "")):
            return Refusal(421, "The server is not known by this name: call it by its address, "
                                "or have its operator add the name.")  # fmt: skip
        if not _is_from_here(scope, headers):
            return Refusal(403, "Pages of other sites may not use this server.")
        path = scope["path"]
        is_free = path in _FREE or path.startswith("/static/")
        if is_free or not self._sessions.needs_token or (session and session.is_allowed):
            return None
        return self._token_refusal(headers, address)

    def _token_refusal(self, headers: Headers, address: str) -> Refusal | None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._sessions.is_token(given.strip()):
            return None
        if given and self.count_wrong_token(address):
            return Refusal(429, "Too many wrong tokens: try again in a minute.")
        return Refusal(401, "This server asks for a token: send it as 'Authorization: Bearer …'.")

    def count_wrong_token(self, address: str) -> bool:
        """Count a wrong token; whether there were too many from that address."""
        return self._wrong_tokens.seconds_to_wait(address) > 0

    def _is_own_name(self, host: str) -> bool:
        """Whether a ``Host`` header names this server."""
        try:
            parts = urlsplit(f"//{host}")
            name, _ = parts.hostname or "", parts.port  # which is no number in a broken one
        except ValueError:
            return False
        if parts.netloc != host or "@" in host:
            return False
        if name in self._names:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self._settings.is_loopback


_METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH")


def _is_from_here(scope: MutableMapping[str, Any], headers: Headers) -> bool:
    """Whether a message comes from the server's own page, or from no page at all."""
    origin = headers.get("origin")
    if origin is not None:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or parts.netloc != headers.get("host"):
            return False
    if headers.get("sec-fetch-site", "none") in _OWN_SITES:
        return True
    is_visit = scope["method"] in _SAFE_METHODS and scope["path"] in _PAGES
    return is_visit and headers.get("sec-fetch-mode") == "navigate"

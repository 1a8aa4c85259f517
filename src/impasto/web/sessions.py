"""Who a client is: a browser's session in a signed cookie, or a token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

COOKIE = "impasto"


@dataclass(frozen=True)
class Session:
    """A browser.

    Attributes:
        name: Random; known to the server and that browser.
        is_allowed: Whether it has given the token.
    """

    name: str
    is_allowed: bool


class Sessions:
    """Makes and checks cookies; nothing is stored, so nobody can fill the memory with them.

    Args:
        token: That clients have to give; empty for none.
        is_embedded: Whether pages of other sites show the page in a frame. Browsers keep cookies
            of such frames only with the attributes that say so, and by HTTPS.
    """

    def __init__(self, token: str, *, is_embedded: bool = False) -> None:
        self._token, self._is_embedded = token, is_embedded
        self._key = secrets.token_bytes(32)

    @property
    def needs_token(self) -> bool:
        """Whether clients have to give one."""
        return bool(self._token)

    def is_token(self, given: str) -> bool:
        """Whether a client has given the right token; the time tells nothing about it."""
        return bool(self._token) and hmac.compare_digest(given.encode(), self._token.encode())

    def new_cookie(self, *, is_allowed: bool, is_secure: bool) -> tuple[str, str]:
        """Name and value of the header that begins a session.

        Args:
            is_allowed: Whether the browser has given the token.
            is_secure: Whether it has come by HTTPS.
        """
        body = f"{secrets.token_urlsafe(18)}.{int(is_allowed)}"
        value = f"{COOKIE}={body}.{self._signature(body)}; HttpOnly; Path=/"
        if self._is_embedded:
            return "set-cookie", f"{value}; SameSite=None; Secure; Partitioned"
        value = f"{value}; SameSite=Lax"
        return "set-cookie", f"{value}; Secure" if is_secure else value

    def read(self, header: str) -> Session | None:
        """The session of a ``Cookie`` header, or None if there is none of this server."""
        try:
            cookies = SimpleCookie(header)
        except CookieError:
            return None
        if COOKIE not in cookies:
            return None
        body, _, signature = cookies[COOKIE].value.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(body).encode()):
            return None
        name, _, is_allowed = body.rpartition(".")
        return Session(name, is_allowed == "1")

    def _signature(self, body: str) -> str:
        return hmac.new(self._key, body.encode(), hashlib.sha256).hexdigest()

"""Bodies of messages, read no further than allowed and no longer than a client sends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from impasto.web.posted import MOST_UPLOADS
from impasto.web.studio import RefusedError

_IDLE_SECONDS = 20.0
"""Longest pause of a client that sends a body."""

_WHOLE_SECONDS = 600.0
_LONGEST_FIELD = 1 << 18


@dataclass(frozen=True)
class Form:
    """A form that was received.

    Attributes:
        text: Of the field ``request``; empty if there is none.
        format: Of the field ``format``; empty if there is none.
        files: Name → file.
    """

    text: str
    format: str
    files: dict[str, UploadFile]

    async def save(self, name: str, path: Path) -> None:
        """Write one of the files."""
        with path.open("xb") as file:
            await asyncio.to_thread(shutil.copyfileobj, self.files[name].file, file)


@contextlib.asynccontextmanager
async def received_form(request: Request, most_bytes: int) -> AsyncIterator[Form]:
    """A form with files, which are gone after the block.

    Args:
        request: Whose body it is.
        most_bytes: Of the body.

    Raises:
        RefusedError: If it is too long, too slow, or no such form.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise RefusedError(415, "Send a form with files (multipart/form-data).")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most_bytes:
        raise _too_long(most_bytes)
    bounded = Request(request.scope, _Bounded(request, most_bytes).receive)
    try:
        parts = await asyncio.wait_for(
            bounded.form(
                max_files=MOST_UPLOADS, max_fields=MOST_UPLOADS, max_part_size=_LONGEST_FIELD
            ),
            _WHOLE_SECONDS,
        )
    except asyncio.TimeoutError:
        raise _too_slow() from None
    try:
        yield _form(parts.multi_items())
    finally:
        await bounded.close()


async def received_json(request: Request, most_bytes: int) -> Any:
    """The value of a JSON body; None for anything else. Arguments as :func:`received_body`."""
    try:
        return json.loads(await received_body(request, most_bytes))
    except (ValueError, RecursionError):
        return None


async def received_body(request: Request, most_bytes: int) -> bytes:
    """A body as it is.

    Args:
        request: Whose body it is.
        most_bytes: Of the body.

    Raises:
        RefusedError: If it is too long or too slow.
    """
    bounded, body = _Bounded(request, most_bytes), bytearray()

    async def receive() -> None:
        is_whole = False
        while not is_whole:
            message = await bounded.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body.extend(message.get("body", b""))
            is_whole = not message.get("more_body", False)

    try:
        await asyncio.wait_for(receive(), _WHOLE_SECONDS)
    except asyncio.TimeoutError:
        raise _too_slow() from None
    return bytes(body)


def _form(parts: Iterable[tuple[str, UploadFile | str]]) -> Form:
    fields = {"request": "", "format": ""}
    files: dict[str, UploadFile] = {}
    for name, part in parts:
        if isinstance(part, UploadFile):
            if name in files:
                raise RefusedError(422, "Two files have the same name: name each of them once.")
            files[name] = part
        elif name in fields:
            fields[name] = part
        else:
            raise RefusedError(422, "The only fields beside the files are request and format.")
    return Form(fields["request"], fields["format"], files)


class _Bounded:
    """Counts the bytes of a body while they arrive."""

    def __init__(self, request: Request, most_bytes: int) -> None:
        self._request, self._most, self._count = request, most_bytes, 0

    async def receive(self) -> Message:
        message = await asyncio.wait_for(self._request.receive(), _IDLE_SECONDS)
        self._count += len(message.get("body", b""))
        if self._count > self._most:
            raise _too_long(self._most)
        return message


def _too_slow() -> RefusedError:
    return RefusedError(408, "The message came too slowly: send it again.")


def _too_long(most: int) -> RefusedError:
    return RefusedError(413, f"A request may have {most} bytes with its files: send smaller ones.")

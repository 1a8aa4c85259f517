"""Connections that are held: half headers, endless bodies, many of one address."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import uvicorn

from impasto.web.connections import bounded_protocol

HEAD = b"GET / HTTP/1.1\r\nhost: localhost\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers at once, and does not read the body; ``/slow`` answers after a second."""
    assert scope["type"] == "http"
    if scope["path"] == "/slow":
        await asyncio.sleep(1)
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", b"2")]})  # fmt: skip
    await send({"type": "http.response.body", "body": b"ok"})


@contextlib.asynccontextmanager
async def listening(**bounds: Any) -> AsyncIterator[int]:
    """The port of a server with these bounds."""
    config = uvicorn.Config(app, port=0, http=bounded_protocol(**bounds), ws="none",
                            lifespan="off", log_config=None)  # fmt: skip
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await running


async def seconds_until_closed(reader: asyncio.StreamReader) -> float:
    began = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while await asyncio.wait_for(reader.read(1000), 20):
            pass
    return time.monotonic() - began


async def trickle(port: int, head: bytes) -> float:
    """How long a client is listened to that sends a byte now and then after a beginning."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)

    async def drip() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"a")
                await writer.drain()
                await asyncio.sleep(0.05)

    dripping = asyncio.create_task(drip())
    try:
        return await seconds_until_closed(reader)
    finally:
        dripping.cancel()
        writer.close()


def test_half_a_head_and_endless_bodies_are_cut_off():
    async def attack() -> list[float]:
        async with listening(head_seconds=0.3) as port:
            post = HEAD.replace(b"GET", b"POST") + b"content-length: 99999999\r\n\r\n"
            whole = HEAD + b"\r\n"
            return await asyncio.gather(
                trickle(port, b""), trickle(port, HEAD + b"x: "), trickle(port, post),
                trickle(port, whole + HEAD + b"x: "),
            )  # fmt: skip

    held = asyncio.run(attack())
    assert all(0.2 < seconds < 10 for seconds in held), held


def test_a_long_answer_and_a_second_message_are_no_silence():
    async def ask() -> bytes:
        async with listening(head_seconds=0.3) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            got = b""
            for path in (b"/slow", b"/slow"):
                writer.write(HEAD.replace(b"/ ", path + b" ") + b"\r\n")
                got += await reader.readuntil(b"ok")
            writer.close()
            return got

    assert asyncio.run(ask()).count(b"200 OK") == 2


def test_headers_of_a_megabyte_are_refused():
    async def ask() -> bytes:
        async with listening() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(HEAD + b"x: " + b"y" * 1_000_000)
            with contextlib.suppress(ConnectionError):
                return await reader.read(12)
            return b""

    assert asyncio.run(ask()) in (b"HTTP/1.1 400", b"")


def test_an_address_holds_so_many_connections_and_a_proxy_any():
    async def closed(proxy: str) -> list[bool]:
        async with listening(proxy=proxy, head_seconds=20, most_of_address=3) as port:
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
            await asyncio.sleep(0.2)
            ended = [reader.at_eof() or reader.exception() is not None for reader, _ in held]
            for _, writer in held:
                writer.close()
            return ended

    assert asyncio.run(closed("")) == [False] * 3 + [True] * 2
    assert asyncio.run(closed("127.0.0.1")) == [False] * 5

"""Floods: sessions, messages, files and jobs of one address; nothing of them is left."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from helpers.asgi import ask, asked
from helpers.web_client import PHOTO, form, stylize_request
from impasto.web.app import create_app
from impasto.web.posted import read_posted
from impasto.web.settings import Limits, Settings
from impasto.web.streams import MOST_STREAMS, Streams
from impasto.web.studio import RefusedError

FAR = "10.0.0.9"


def service(folder: Path, **limits: int) -> Any:
    settings = Settings(host="0.0.0.0", is_open=True, limits=Limits(**limits))
    return create_app(settings, folder)


def test_an_address_gets_so_many_sessions_a_minute(tmp_path):
    app, _ = service(tmp_path, rate=5)
    cookies = ["set-cookie" in ask(app, address=FAR).headers for _ in range(8)]
    assert cookies == [True] * 5 + [False] * 3
    assert "set-cookie" in ask(app, address="10.0.0.8").headers


def test_sessions_do_not_multiply_what_an_address_may_send(tmp_path):
    app, _ = service(tmp_path, rate=2)
    body, kind = form({"request": "{}"})
    answers = []
    for number in range(12):
        page = ask(app, address=f"10.1.0.{number}")  # sessions of many addresses, used from one
        cookie = page.headers["set-cookie"].partition(";")[0]
        sent = {"cookie": cookie, "content-type": kind}
        answers += [ask(app, "/api/jobs", "POST", body, address=FAR, **sent).status] * 1
        answers += [ask(app, "/api/jobs", "POST", body, address=FAR, **sent).status] * 1
    assert answers == [422] * 20 + [429] * 4


def test_an_address_fills_at_most_half_of_the_queue(tmp_path):
    async def fill() -> None:
        _, studio = service(tmp_path, queue_length=8, client_jobs=2)
        request = {**stylize_request(), "content": "sample:tuebingen"}
        posted = read_posted(json.dumps(request), (), studio.limits)

        def add(client: str, address: str) -> None:
            studio.add(posted, studio.new_folder(), client=client, session="", address=address)

        for number in range(4):
            add(f"client {number}", FAR)
        with pytest.raises(RefusedError, match="your address"):
            add("client 5", FAR)
        add("client 6", "10.0.0.8")
        for number in range(3):
            add(f"client {number + 7}", "")  # of the own machine, where a proxy may be

    asyncio.run(fill())


def test_files_of_jobs_that_wait_fill_no_disk(tmp_path):
    async def fill() -> None:
        _, studio = service(tmp_path, disk_bytes=10_000_000)
        posted = read_posted(json.dumps(stylize_request()), ("content",), studio.limits)
        folder = studio.new_folder()
        with (folder / "content.upload").open("wb") as file:
            file.truncate(11_000_000)
        studio.add(posted, folder, client="one", session="")
        with pytest.raises(RefusedError, match="fill the server"):
            studio.check_room("another")

    asyncio.run(fill())


@pytest.mark.parametrize("at", ["/api/jobs", "/mcp"])
def test_so_many_bodies_arrive_at_a_time(tmp_path, at):
    """Each stops after a part, so that it is still being received."""

    async def send() -> list[int]:
        app, _ = service(tmp_path, rate=0, client_jobs=8)
        body, kind = form({"request": "{}", "content": PHOTO})
        slow = [
            asyncio.create_task(
                asked(app, at, "POST", [body[:50], None, body[50:]], address=FAR,
                      content_type=kind)
            )
            for _ in range(8)
        ]  # fmt: skip
        await asyncio.sleep(0.05)
        more = await asked(app, at, "POST", body, address=FAR, content_type=kind)
        other = await asked(app, "/api/jobs", "POST", body, address="10.0.0.8", content_type=kind)
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        after = await asked(app, "/api/jobs", "POST", body, address=FAR, content_type=kind)
        return [more.status, other.status, after.status]

    assert asyncio.run(send()) == [429, 422, 422]
    assert list(tmp_path.iterdir()) == []


def test_a_client_opens_so_many_streams():
    streams = Streams()
    with contextlib.ExitStack() as opened:
        for _ in range(MOST_STREAMS):
            streams.check("one")
            opened.enter_context(streams.opened("one"))
        with pytest.raises(RefusedError, match="event streams"):
            streams.check("one")
        streams.check("another")
    streams.check("one")


HOSTILE_FORMS = {
    "a header of a part": [b'--b\r\nContent-Disposition: form-data; name="', *[b"x" * 65536] * 200],
    "many headers": [b"--b\r\n", *[b"a: b\r\n" * 10_000] * 50],
    "many fields": [b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 1000] * 20,
    "no edges": [b"x" * 65536] * 200,
    "edges alone": [b"--b" * 20_000] * 50,
    "a part without a name": [b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"],
    "broken letters": [
        b'--b\r\nContent-Disposition: form-data; name="\xff\xfe"\r\n\r\n\xff\r\n--b--'
    ],
    "a name in another coding": [
        b"--b\r\nContent-Disposition: form-data; name*=utf-16''%ff\r\n\r\n"
    ],
}


@pytest.mark.parametrize("kind", HOSTILE_FORMS)
def test_hostile_forms_are_one_sentence(tmp_path, kind):
    app, _ = service(tmp_path)
    answer = ask(app, "/api/jobs", "POST", HOSTILE_FORMS[kind],
                 content_type="multipart/form-data; boundary=b")  # fmt: skip
    assert answer.status in (400, 413, 422)
    assert answer.message.endswith((".", "make."))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "2130706433", "0x7f.1", "localhost.x",
             "[::1", "127.0.0.1:80:80", "evil.example@127.0.0.1", "127.0.0.1/x"],
)  # fmt: skip
def test_foreign_hosts_are_refused(tmp_path, host):
    app, _ = create_app(Settings(), tmp_path)
    assert ask(app, "/api/about", host=host).status == 421


@pytest.mark.parametrize(
    "origin",
    ["null", "http://127.0.0.1", "http://127.0.0.1:8401", "http://127.0.0.1:8400.evil.example",
     "file://", "chrome-extension://abc", "http://evil.example#127.0.0.1:8400"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/api/jobs", "/gradio_api/queue/join", "/api/session"])
def test_foreign_origins_are_refused(tmp_path, origin, path):
    app, _ = create_app(Settings(), tmp_path)
    assert ask(app, path, "POST", b"{}", origin=origin).status == 403

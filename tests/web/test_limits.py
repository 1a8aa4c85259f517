"""A server with narrow limits, and how servers end."""

from __future__ import annotations

import io
import os
import signal
import struct
import zlib
from collections.abc import Iterator

import pytest
from PIL import Image

from helpers.picture_files import png_chunk
from helpers.web_client import (
    PAINTING,
    PHOTO,
    Client,
    Server,
    folders,
    paint_request,
    png_bytes,
    serving,
    stylize_request,
)

TOKEN = "a-token-of-enough-letters"
LONG = {"steps": 50_000, "optimizer": "adam"}  # L-BFGS may end before


@pytest.fixture(scope="module")
def narrow() -> Iterator[Server]:
    words = ["--client-jobs", "3", "--queue-length", "4", "--rate", "12", "--most-seconds", "10",
             "--keep-seconds", "10", "--most-steps", "100000", "--picture-pixels", "1000000",
             "--drain-seconds", "1", "--host", "0.0.0.0", "--token"]  # fmt: skip
    with serving(*words) as server:
        yield server


def entered(server: Server) -> Client:
    """A session of its own, which has given the token."""
    import json

    token = server.address.partition("#token=")[2]
    answer = server.client.send("POST", "/api/session", json.dumps({"token": token}).encode())
    return Client(server.port, {"cookie": answer.headers["set-cookie"].partition(";")[0]})


@pytest.fixture
def client(narrow: Server) -> Client:
    narrow.wait_ready()
    return entered(narrow)


def test_a_new_token_is_shown_and_needed(narrow):
    assert "#token=" in narrow.address
    assert narrow.client.get("/api/jobs").status == 401
    assert narrow.client.get("/metrics").status == 401
    assert entered(narrow).get("/api/jobs").status == 200
    assert narrow.address.partition("#token=")[2] not in "".join(narrow.log)


def test_one_client_has_a_few_jobs_and_the_queue_an_end(narrow, client):
    files = {"content": PHOTO, "style_1": PAINTING}
    jobs = [client.job(paint_request(**LONG), **files) for _ in range(3)]
    refused = client.post_job(paint_request(), **files)
    assert refused.status == 429
    assert refused.headers["retry-after"] == "10"
    assert "3 of your jobs" in refused.message
    other = entered(narrow)
    client.wait(lambda: client.state(jobs[0]) == "running")
    later = [other.job(paint_request(), **files) for _ in range(2)]
    assert other.get(f"/api/jobs/{later[0]}").json["place"] <= 2  # turns are taken
    third = entered(narrow)
    assert third.post_job(paint_request(), **files).status == 503
    for job in jobs:
        client.send("DELETE", f"/api/jobs/{job}")
    for job in later:
        assert other.end(job)["state"] == "finished"


def test_a_client_sends_so_many_a_minute(narrow):
    client = entered(narrow)
    answers = [client.post_job({"version": 1}, content=PHOTO) for _ in range(14)]
    assert [answer.status for answer in answers] == [422] * 12 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert entered(narrow).post_job({"version": 1}, content=PHOTO).status == 422


@pytest.mark.slow
def test_a_job_that_takes_too_long_keeps_what_is_painted(client):
    job = client.job(paint_request(**LONG), content=PHOTO, style_1=PAINTING)
    ended = client.end(job)
    assert (ended["state"], ended["result"]) == ("stopped", True)
    assert any("at most 10 s" in note for note in ended["notes"])


def test_a_small_file_that_claims_many_pixels_is_refused(client):
    header = struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)
    bomb += png_chunk(b"IDAT", zlib.compress(b"\0" * 10**6)) + png_chunk(b"IEND", b"")
    job = client.job(stylize_request(), content=bomb)
    message = client.end(job)["events"]["failed"]["message"]
    assert "content" in message
    assert "1000000" in message.replace(",", "").replace(" ", "")


def test_where_a_photograph_was_taken_is_not_in_the_result(client):
    exif = Image.Exif()
    exif[0x010E] = "a secret description"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (48.0, 31.0, 12.0)
    stream = io.BytesIO()
    Image.open(io.BytesIO(PHOTO)).save(stream, "JPEG", exif=exif)
    assert b"secret" in stream.getvalue()
    job = client.job(stylize_request(), content=stream.getvalue())
    assert client.end(job)["state"] == "finished"
    for kind in ("png", "jpeg", "tiff"):
        made = client.get(f"/api/jobs/{job}/result?format={kind}").body
        assert b"secret" not in made
        found = Image.open(io.BytesIO(made)).getexif()
        assert dict(found.get_ifd(0x8825)) == {}


@pytest.mark.slow
def test_files_go_with_their_time(narrow, client):
    (folder,) = [one for one in folders() if f"-{narrow.process.pid}-" in one.name]
    assert oct(folder.stat().st_mode)[-3:] == "700"
    client.wait(lambda: not list(folder.glob("job-*")))  # of other tests
    job = client.job(stylize_request(), content=png_bytes(64, 48, seed=9))
    client.end(job)
    held = {path.name for path in folder.glob("job-*/*")}
    assert "result.png" in held
    assert not [name for name in held if name.endswith(".upload")]
    assert job not in str(list(folder.iterdir()))
    client.wait(lambda: client.get(f"/api/jobs/{job}").status == 404, seconds=40)
    client.wait(lambda: not list(folder.glob("job-*")), seconds=40)


@pytest.mark.slow
def test_a_server_that_is_told_to_stop_tells_everybody_and_leaves_nothing():
    with serving("--drain-seconds", "1", "--most-steps", "100000") as server:
        server.wait_ready()
        client, files = server.client, {"content": PHOTO, "style_1": PAINTING}
        running = client.job(paint_request(**LONG), **files)
        waiting = client.job(paint_request(), **files)
        client.events(running, until="progress")
        workers = server.workers()
        server.process.send_signal(signal.SIGTERM)
        client.wait(lambda: client.get("/readyz").status == 503)
        assert client.get("/healthz").status == 200
        refused = client.post_job(paint_request(), **files)
        assert refused.status == 503
        assert "being stopped" in refused.message
        lost = client.end(waiting)
        assert lost["state"] == "failed"
        assert "send it again" in lost["events"]["failed"]["message"]
        kept = client.end(running)
        assert (kept["state"], kept["result"]) == ("stopped", True)
        assert client.get(f"/api/jobs/{running}/result").status == 200
        assert server.process.wait(60) == 0
        assert not any(os.path.exists(f"/proc/{pid}") for pid in workers)
        assert not [one for one in folders() if f"-{server.process.pid}-" in one.name]


def test_what_a_killed_server_leaves_is_removed_by_the_next():
    with serving() as server:
        server.client.get("/healthz")
        workers = server.workers()
        left = [one for one in folders() if f"-{server.process.pid}-" in one.name]
        assert len(left) == 1
        server.process.kill()
        server.process.wait()
        server.client.wait(lambda: not any(map(_is_running, workers)), seconds=120)
    with serving() as following:
        following.client.get("/healthz")
        assert not left[0].exists()


def _is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

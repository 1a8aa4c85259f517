"""Gradio's protocol: the same gate, limits and queue; paths in it are ids."""

from __future__ import annotations

import json
from typing import Any

import pytest

from helpers.asgi import ask
from helpers.web_client import PAINTING, PHOTO, Client, Server, paint_request
from impasto.web.app import create_app
from impasto.web.settings import Limits, Settings

SESSION = "a-session-of-one-client"


def call(client: Client, index: int, *data: Any, session: str = SESSION) -> Any:
    body = json.dumps({"data": data, "fn_index": index, "session_hash": session}).encode()
    return client.send("POST", "/gradio_api/queue/join", body)


def upload(client: Client, data: bytes) -> dict[str, str]:
    answer = client.post_form("/gradio_api/upload", {"files": data})
    assert answer.status == 200, answer.body
    return {"path": answer.json[0]}


def messages(client: Client, session: str = SESSION) -> list[dict[str, Any]]:
    """What is told until a call has ended."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=120)
    connection.request(
        "GET", f"/gradio_api/queue/data?session_hash={session}", headers=client.headers
    )
    response, found = connection.getresponse(), []
    assert response.status == 200, response.read()
    for line in response:
        if line.startswith(b"data: "):
            found.append(json.loads(line[6:]))
            if found[-1]["msg"] == "process_completed":
                break
    response.close()
    connection.close()
    return found


STYLIZE = ("great-wave", 0, 1.0, 1.0, "style")


def test_the_calls_have_the_parameters_that_they_are_told_with(client):
    told = client.get("/config").json
    assert (told["protocol"], told["api_prefix"]) == ("sse_v2.1", "/gradio_api")
    named = client.get("/gradio_api/info").json["named_endpoints"]
    assert list(named) == ["/stylize", "/paint", "/run"]
    for number, (name, described) in enumerate(named.items()):
        dependency = told["dependencies"][number]
        assert (dependency["id"], f"/{dependency['api_name']}") == (number, name)
        assert len(dependency["inputs"]) == len(described["parameters"])
    defaults = [p["parameter_default"] for p in named["/stylize"]["parameters"][2:]]
    assert defaults == list(STYLIZE[1:])


def test_a_call_ends_with_its_file(client):
    answer = call(client, 0, upload(client, PHOTO), *STYLIZE)
    told = messages(client)
    assert {message["event_id"] for message in told} == {answer.json["event_id"]}
    file = told[-1]["output"]["data"][0]
    got = client.get(f"/gradio_api/file={file['path']}")
    assert (got.status, got.headers["content-type"]) == (200, "image/png")
    assert got.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("index", "data", "sentence"),
    [
        (0, ("/etc/passwd", *STYLIZE), "must be a file"),
        (0, ({"path": "/etc/passwd"}, *STYLIZE), "is not there"),
        (0, ({"path": "photo", "url": "http://10.0.0.1/"}, *STYLIZE), "is not there"),
        (0, (), "takes 6 values"),
        (1, ("PHOTO", "great-wave", "default", 64, 1.0, 1.0, "style"), "must be upload:NAME"),
        (1, ("PHOTO", "sample:hokusai-great-wave", "nope", 64, 1.0, 1.0, "style"), "nope"),
        (1, ("PHOTO", "sample:hokusai-great-wave", [], 64, 1.0, 1.0, "style"), "nknown recipe"),
        (2, ({"version": 1, "kind": "shell"}, {}), "kind is 'shell'"),
        (2, (paint_request(), {"../x": "PHOTO"}), "cannot be named"),
        (2, ([], {}), "takes a request"),
        (9, (), "no such call"),
    ],
)
def test_a_mistake_is_an_error_of_the_call(client, index, data, sentence):
    def sent(value: Any) -> Any:
        if isinstance(value, dict) and "PHOTO" in value.values():
            return {name: upload(client, PHOTO) for name in value}
        return upload(client, PHOTO) if value == "PHOTO" else value

    session = f"session-of-{index}-{sentence.replace(' ', '-').replace(chr(39), '')}"
    answer = call(client, index, *map(sent, data), session=session)
    assert answer.status == 200
    last = messages(client, session)[-1]
    assert (last["success"], last["event_id"]) == (False, answer.json["event_id"])
    assert sentence in last["output"]["error"]


def test_nobody_uses_the_uploads_or_hears_the_session_of_others(server: Server, client: Client):
    cookie = server.client.get("/").headers["set-cookie"].partition(";")[0]
    other = Client(server.port, {"cookie": cookie})
    file = upload(client, PHOTO)
    call(client, 0, file, *STYLIZE, session="a-session-that-is-known")
    assert other.get("/gradio_api/queue/data?session_hash=a-session-that-is-known").status == 404
    call(other, 0, file, *STYLIZE, session="of-the-other-client")
    assert "is not there" in messages(other, "of-the-other-client")[-1]["output"]["error"]
    messages(client, "a-session-that-is-known")


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "..%2f..%2fetc%2fpasswd", "x/result.png", "x/../../worker.py", ""]
)
def test_files_are_results_of_jobs(client, path):
    assert client.get(f"/gradio_api/file={path}").status == 404


def test_a_result_is_no_way_to_other_files_of_its_job(client):
    answer = call(client, 0, upload(client, PHOTO), *STYLIZE, session="for-files-of-a-job")
    messages(client, "for-files-of-a-job")
    job = answer.json["event_id"]
    for name in ("content.upload", "state.checkpoint", "..", "preview.jpg", "result.tiff"):
        assert client.get(f"/gradio_api/file={job}/{name}").status == 404


def test_a_call_is_stopped(client):
    request = paint_request(steps=50_000, optimizer="adam")
    files = {"content": upload(client, PHOTO), "style-1": upload(client, PAINTING)}
    job = call(client, 2, request, files, session="a-session-to-stop").json["event_id"]
    client.events(job, until="progress")
    body = json.dumps({"event_id": job}).encode()
    assert client.send("POST", "/gradio_api/cancel", body).json == {"success": True}
    told = messages(client, "a-session-to-stop")
    assert told[-1]["success"]  # what was painted until then
    steps = [message["progress_data"][0] for message in told if message["msg"] == "progress"]
    assert 0 < steps[-1]["progress"] < 1
    assert client.send("POST", "/gradio_api/cancel", b'{"event_id": [1]}').json["success"] is False


def test_limits_are_those_of_the_service(tmp_path):
    app, studio = create_app(Settings(limits=Limits(rate=2, upload_bytes=10_000)), tmp_path)
    join = {"path": "/gradio_api/queue/join", "method": "POST"}
    body = json.dumps({"data": [], "fn_index": 0, "session_hash": SESSION}).encode()
    assert ask(app, body=b"x" * 2_000_000, **join).status == 413
    assert ask(app, body=body, **join).status == 200
    assert ask(app, body=body, **join).status == 429
    assert ask(app, body=body, origin="http://evil.example", **join).status == 403
    assert ask(app, "/config", host="evil.example").status == 421
    for nonsense in (b"", b"[]", b"{}", b"[" * 100_000, b'{"data": [], "session_hash": "short"}'):
        assert ask(app, body=nonsense, address="127.0.0.2", **join).status in (422, 429)
    studio.is_draining = True
    assert ask(app, body=body, address="127.0.0.3", **join).status == 503
    assert list(tmp_path.iterdir()) == []


def test_uploads_that_wait_are_bounded(server: Server):
    cookie = server.client.get("/").headers["set-cookie"].partition(";")[0]
    client = Client(server.port, {"cookie": cookie})
    answers = [client.post_form("/gradio_api/upload", {"files": b"x"}) for _ in range(33)]
    assert [answer.status for answer in answers] == [200] * 32 + [429]


def test_a_token_is_needed(tmp_path):
    app, _ = create_app(Settings(token="a-token-of-enough-letters"), tmp_path)
    for path in ("/config", "/gradio_api/info", "/gradio_api/file=x/result.png"):
        assert ask(app, path).status == 401
    given = {"authorization": "Bearer a-token-of-enough-letters"}
    assert ask(app, "/config", **given).status == 200

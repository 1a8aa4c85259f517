"""The Model Context Protocol: the same gate, limits and queue; pictures as base64."""

from __future__ import annotations

import base64
import http.client
import json
from typing import Any

import pytest

from helpers.asgi import ask
from helpers.web_client import PAINTING, PHOTO, Client
from impasto.web import mcp_api
from impasto.web.app import create_app
from impasto.web.settings import Limits, Settings

HEADERS = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
CODED = base64.b64encode(PHOTO).decode()


def message(method: str, **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()


def sent(client: Client, method: str, **params: Any) -> dict[str, Any]:
    """The result of a message."""
    answer = client.send("POST", "/mcp", message(method, **params), **HEADERS)
    assert answer.status == 200, answer.body
    assert answer.headers["cache-control"] == "no-store"
    lines = [line for line in answer.body.decode().splitlines() if line.startswith("data: {")]
    result: dict[str, Any] = json.loads(lines[-1].removeprefix("data: "))["result"]
    return result


def called(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    return sent(client, "tools/call", name=tool, arguments=arguments)


@pytest.mark.slow
def test_tools_are_listed_with_their_arguments(client):
    tools = {tool["name"]: tool for tool in sent(client, "tools/list")["tools"]}
    assert list(tools) == ["list_styles", "stylize", "paint"]
    schema = tools["stylize"]["inputSchema"]
    assert (schema["required"], schema["additionalProperties"]) == (["content"], False)
    assert schema["properties"]["strength"]["maximum"] == 1.0
    styles = json.loads(called(client, "list_styles")["content"][0]["text"])
    assert {"name": "great-wave", "sample": "hokusai-great-wave"} in styles


@pytest.mark.slow
def test_a_picture_comes_as_base64(client):
    style = base64.b64encode(PAINTING).decode()
    given = {"content": CODED, "style_picture": style, "size": 64, "format": "png"}
    painted = called(client, "paint", **given, style=None, strength=None)
    assert not painted.get("isError"), painted
    picture = painted["content"][0]
    assert (picture["type"], picture["mimeType"]) == ("image", "image/png")
    assert base64.b64decode(picture["data"]).startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        ("stylize", {"content": "not base64!", "style": "great-wave"}, "in base64"),
        ("stylize", {"content": CODED, "style": "/etc/passwd"}, "Unknown style"),
        ("stylize", {"content": CODED}, "Give a content"),
        ("stylize", {"content": CODED, "style": "great-wave", "model": "/x"}, "model"),
        ("stylize", {"content": CODED, "style": "great-wave", "strength": 7}, "strength"),
        ("stylize", {"content": "aGVsbG8=", "style": "great-wave"}, "content"),
        ("paint", {"content": CODED, "style": "/etc/passwd", "size": 64}, "must be upload:NAME"),
        ("shell", {}, "shell"),
    ],
)
def test_a_mistake_is_one_sentence(client, tool, arguments, sentence):
    result = called(client, tool, **arguments)
    assert result["isError"] is True
    assert sentence in result["content"][0]["text"]
    assert "Traceback" not in result["content"][0]["text"]


@pytest.mark.slow
def test_a_client_that_goes_away_stops_its_work(server, client):
    arguments = {"content": CODED, "style": "sample:hokusai-great-wave", "size": 240}
    body = message("tools/call", name="paint", arguments=arguments)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", "/mcp", body, {**client.headers, **HEADERS})
    running = b'impasto_held_jobs{state="running"} 1.0'
    client.wait(lambda: running in client.get("/metrics").body)
    connection.close()
    client.wait(lambda: running not in client.get("/metrics").body, seconds=30)


def test_the_gate_is_before_it(tmp_path):
    app, _ = create_app(Settings(token="a-token-of-enough-letters"), tmp_path)
    body = message("tools/list")
    assert ask(app, "/mcp", "POST", body, **HEADERS).status == 401
    token = {"authorization": "Bearer a-token-of-enough-letters"}
    assert ask(app, "/mcp", "POST", body, origin="http://evil.example", **token).status == 403
    assert ask(app, "/mcp", "POST", body, host="evil.example", **token).status == 421
    assert ask(app, "/mcp", "GET", **token).status == 405


def test_bodies_and_messages_are_counted(tmp_path):
    app, _ = create_app(Settings(limits=Limits(upload_bytes=10_000, rate=2)), tmp_path)
    assert ask(app, "/mcp", "POST", b"x" * 30_000, **HEADERS).status == 413
    assert ask(app, "/mcp", "POST", b"x" * 30_000, **HEADERS).status == 413
    assert ask(app, "/mcp", "POST", b"{}", **HEADERS).status == 429


def test_a_server_without_the_sdk_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(mcp_api, "is_installed", lambda module: False)
    app, _ = create_app(Settings(), tmp_path)
    answer = ask(app, "/mcp", "POST", message("tools/list"), **HEADERS)
    assert (answer.status, "[mcp]" in answer.message) == (501, True)

"""Who is let in: names of the server, other sites, tokens, and the headers of every response."""

from __future__ import annotations

import json

import pytest

from helpers.asgi import ask
from impasto.web.app import create_app
from impasto.web.sessions import Sessions
from impasto.web.settings import Limits, Settings

TOKEN = "a-token-of-enough-letters"


@pytest.fixture
def app(tmp_path):
    return create_app(Settings(), tmp_path)[0]


@pytest.fixture
def guarded(tmp_path):
    settings = Settings(host="0.0.0.0", token=TOKEN, host_names=("studio.example.org",))
    return create_app(settings, tmp_path)[0]


@pytest.mark.parametrize("host", ["127.0.0.1:8400", "localhost:1", "localhost", "[::1]:8400"])
def test_own_names_are_answered(app, host):
    assert ask(app, "/healthz", host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.org",
        "evil.example.org:8400",
        "192.168.1.5",
        "localhost.evil.org",
        "",
        "[",
        "a b",
    ],
)
def test_a_foreign_name_that_leads_here_is_refused(app, host):
    answer = ask(app, "/healthz", host=host)
    assert answer.status == 421
    assert answer.message.endswith(".")


def test_names_and_addresses_of_an_open_server(guarded):
    for host in ("studio.example.org", "192.168.1.5:8400", "[2001:db8::1]:8400"):
        assert ask(guarded, "/healthz", host=host).status == 200
    assert ask(guarded, "/healthz", host="other.example.org").status == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example.org"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "file://127.0.0.1:8400"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
def test_other_sites_are_refused(app, method, headers):
    answer = ask(app, "/api/jobs", method, **headers)
    assert answer.status == 403
    assert "access-control-allow-origin" not in answer.headers


def test_the_own_page_and_scripts_are_let_in(app):
    own = {"origin": "http://127.0.0.1:8400", "sec_fetch_site": "same-origin"}
    assert ask(app, "/api/jobs", **own).status == 200
    assert ask(app, "/api/jobs").status == 200
    visit = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}
    assert ask(app, "/", **visit).status == 200  # somebody follows a link to the page


def test_no_route_answers_a_question_of_another_site(app):
    asks = {"origin": "https://evil.example.org", "access_control_request_method": "POST"}
    answer = ask(app, "/api/jobs", "OPTIONS", **asks)
    assert answer.status == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "path", ["/", "/api", "/static/app.js", "/api/jobs", "/nothing", "/metrics"]
)
def test_every_response_has_the_headers_of_the_gate(app, path):
    headers = ask(app, path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/api/jobs", "/api/about", "/metrics", "/api/jobs/x/events"])
def test_without_the_token_nothing_is_told(guarded, path):
    assert ask(guarded, path).status == 401
    assert ask(guarded, path, authorization="Bearer wrong").status == 401
    assert ask(guarded, path, authorization=f"Basic {TOKEN}").status == 401
    assert ask(guarded, path, authorization=f"Bearer {TOKEN}").status in (200, 404)


def test_the_token_opens_a_session_once(guarded):
    body = json.dumps({"token": TOKEN}).encode()
    answer = ask(guarded, "/api/session", "POST", body)
    assert answer.status == 204
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert TOKEN not in cookie
    pair = cookie.partition(";")[0]
    assert ask(guarded, "/api/jobs", cookie=pair).status == 200
    visitor = ask(guarded, "/").headers["set-cookie"].partition(";")[0]
    assert ask(guarded, "/api/jobs", cookie=visitor).status == 401
    promoted = visitor.replace(".0.", ".1.")
    assert promoted != visitor
    assert ask(guarded, "/api/jobs", cookie=promoted).status == 401


def test_tokens_cannot_be_guessed_quickly(guarded):
    tries = [
        ask(guarded, "/api/jobs", authorization=f"Bearer {number}").status for number in range(40)
    ]
    assert tries.count(401) == 30
    assert tries[-1] == 429
    body = json.dumps({"token": "wrong"}).encode()
    assert ask(guarded, "/api/session", "POST", body).status == 429
    assert ask(guarded, "/api/jobs", authorization="Bearer x", address="10.0.0.9").status == 401
    assert ask(guarded, "/api/jobs", authorization=f"Bearer {TOKEN}").status == 200


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"null", b'{"token": 1}', b"\xff", b"1" * 5000]
)
def test_what_is_no_token_is_refused(guarded, body):
    assert ask(guarded, "/api/session", "POST", body).status in (401, 413)


@pytest.mark.parametrize(
    "cookie", ["", "impasto", "impasto=", "impasto=a.1.b", "impasto=..", "\xff"]
)
def test_cookies_that_the_server_did_not_make_are_nothing(cookie):
    assert Sessions("").read(cookie) is None


def test_cookies_of_another_server_are_nothing():
    _, header = Sessions("").new_cookie(is_allowed=True, is_secure=True)
    assert "; Secure" in header
    assert Sessions("").read(header.partition(";")[0]) is None


@pytest.mark.parametrize(
    "path",
    ["/static/../settings.py", "/static/%2e%2e/settings.py", "/static//etc/passwd",
     "/static/samples/../any.safetensors", "/../../etc/passwd", "/api/jobs/../../../etc/passwd"],
)  # fmt: skip
def test_paths_do_not_leave_the_page(app, path):
    assert ask(app, path).status == 404


def test_a_body_is_read_no_further_than_allowed(tmp_path):
    app = create_app(Settings(limits=Limits(upload_bytes=10_000)), tmp_path)[0]
    kind = {"content_type": "multipart/form-data; boundary=x"}
    assert ask(app, "/api/jobs", "POST", content_length="20000", **kind).status == 413
    head = b'--x\r\nContent-Disposition: form-data; name="content"; filename="a"\r\n\r\n'
    parts = [head, *[b"z" * 1000] * 50]
    answer = ask(app, "/api/jobs", "POST", parts, content_length="100", **kind)
    assert answer.status == 413
    assert list(tmp_path.iterdir()) == []


def test_a_body_that_does_not_come_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("impasto.web.receiving._IDLE_SECONDS", 0.05)
    app = create_app(Settings(), tmp_path)[0]

    head = b'--x\r\nContent-Disposition: form-data; name="content"; filename="a"\r\n\r\n'
    kind = {"content_type": "multipart/form-data; boundary=x"}
    answer = ask(app, "/api/jobs", "POST", [head, None], **kind)
    assert answer.status == 408
    assert "slowly" in answer.message


@pytest.mark.parametrize("kind", ["application/json", "", "multipart/form-data"])
def test_other_bodies_are_one_sentence(app, kind):
    answer = ask(app, "/api/jobs", "POST", b"{}", content_type=kind)
    assert 400 <= answer.status < 500
    assert answer.message.endswith(".")

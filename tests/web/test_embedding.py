"""The page in a frame of a site that the operator names, and of no other."""

from __future__ import annotations

import pytest

from helpers.asgi import ask
from impasto.errors import OptionError
from impasto.web.app import create_app
from impasto.web.settings import Settings

SITE = "https://huggingface.co"


@pytest.fixture
def embedded(tmp_path):
    return create_app(Settings(embed_in=(SITE, "https://example.org:8443")), tmp_path)[0]


def test_the_site_may_frame_the_page_and_no_other(embedded, tmp_path):
    headers = ask(embedded, "/").headers
    policy = headers["content-security-policy"]
    assert policy.endswith(f"; frame-ancestors {SITE} https://example.org:8443")
    assert "x-frame-options" not in headers
    usual = ask(create_app(Settings(), tmp_path)[0], "/").headers
    assert usual["content-security-policy"].endswith("; frame-ancestors 'none'")
    assert usual["x-frame-options"] == "DENY"
    different = {name for name in usual if headers.get(name) != usual[name]}
    assert different <= {"content-security-policy", "x-frame-options", "set-cookie"}


def test_the_frame_is_let_in_and_keeps_its_session(embedded):
    """What Chromium sends for a frame on another site: a visit, and then messages of its own."""
    visit = ask(embedded, "/", sec_fetch_site="cross-site", sec_fetch_mode="navigate",
                sec_fetch_dest="iframe")  # fmt: skip
    assert visit.status == 200
    cookie, *attributes = visit.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=None", "Secure", "Partitioned"} <= set(attributes)
    own = ask(embedded, "/api/about", cookie=cookie, sec_fetch_site="same-origin")
    assert own.status == 200
    foreign = ask(embedded, "/api/jobs", "POST", cookie=cookie, origin=SITE)
    assert foreign.status == 403


@pytest.mark.parametrize("site", ["huggingface.co", "http://a.org", "https://a.org/x", "*",
                                  "'self'", "https://a.org; script-src *"])  # fmt: skip
def test_only_sites_are_taken(site):
    with pytest.raises(OptionError, match=r"embed_in takes a site such as"):
        Settings(embed_in=(site,))

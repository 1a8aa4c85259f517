"""The description of the service is that of its routes and requests."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest
from starlette.routing import Route

from helpers.asgi import ask
from impasto.jobs.requests import REQUESTS
from impasto.jobs.video_request import VideoRequest
from impasto.recipes.recipe import FIELDS
from impasto.web.app import create_app
from impasto.web.openapi import openapi
from impasto.web.settings import Limits, Settings


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return openapi(Limits())


@pytest.fixture
def app(tmp_path):
    return create_app(Settings(), tmp_path)[0]


def test_every_route_is_described_and_every_description_is_a_route(app, described):
    routes = [route for route in app._app.routes if isinstance(route, Route)]
    there = {
        (route.path, method.lower())
        for route in routes
        for method in route.methods
        if method != "HEAD"
        and route.path not in ("/", "/api", "/openapi.json")
        and not route.path.startswith(("/config", "/gradio_api", "/mcp"))
    }
    told = {(path, method) for path, methods in described["paths"].items() for method in methods}
    assert told == there


def test_references_lead_somewhere(described):
    text = json.dumps(described)
    for name in set(re.findall(r"#/components/schemas/(\w+)", text)):
        assert name in described["components"]["schemas"]


def test_requests_have_their_declared_entries(described):
    schemas = described["components"]["schemas"]
    assert set(schemas["Recipe"]["properties"]) == set(FIELDS)
    assert schemas["Recipe"]["properties"]["size"]["minimum"] == FIELDS["size"].range[0]
    kinds = [schemas[ref["$ref"].rpartition("/")[2]] for ref in schemas["Request"]["oneOf"]]
    assert {schema["properties"]["kind"]["const"] for schema in kinds} == {*REQUESTS, "video"}
    for schema in kinds:
        kind = schema["properties"]["kind"]["const"]
        request = VideoRequest if kind == "video" else REQUESTS[kind]
        fields = {field.name for field in dataclasses.fields(request)}
        assert set(schema["properties"]) - {"version", "kind"} == fields


def test_it_is_served(app, described):
    answer = ask(app, "/openapi.json")
    assert answer.json["openapi"].startswith("3.1")
    assert answer.json["paths"].keys() == described["paths"].keys()
    about = ask(app, "/api/about").json
    assert about["limits"]["result_pixels"] == Limits().result_pixels
    assert {style["name"] for style in about["styles"]} >= {"great-wave", "starry-night"}
    assert {style["painting"] for style in about["styles"]} >= {"hokusai-great-wave"}

"""The OpenAPI description of the service, made from the declared entries of requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from impasto import __version__
from impasto.jobs.request_json import VERSION
from impasto.jobs.requests import RECONSTRUCTIONS, StylizeRequest
from impasto.jobs.video_request import VideoRequest
from impasto.recipes.choices import COARSE, FINE
from impasto.recipes.recipe import FIELDS
from impasto.runtime.fields import entries
from impasto.web.about import schema_of
from impasto.web.job_files import CLIPS, RESULTS
from impasto.web.posted import MOST_UPLOADS
from impasto.web.settings import Limits

_SOURCE = {
    "type": "string",
    "description": "upload:NAME, a file of the same message, or sample:NAME, one of the server's",
    "examples": ["upload:content", "sample:tuebingen"],
}
_ERROR = {"$ref": "#/components/schemas/Error"}
_JOB = {"$ref": "#/components/schemas/Job"}


def openapi(limits: Limits) -> dict[str, Any]:
    """The whole description, version 3.1.

    Args:
        limits: Of the server, which the texts name.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Impasto",
            "version": __version__,
            "license": {"name": "MIT", "identifier": "MIT"},
            "description": "Neural style transfer: POST a request with files, follow its events, "
            "get the result. Every error is one sentence.",
        },
        "paths": _paths(limits),
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _paths(limits: Limits) -> dict[str, Any]:
    job = [_parameter("id", "path", "from the answer to the POST")]
    kept = f"It is kept for {limits.keep_seconds} s after the end of the job."
    return {
        "/api/jobs": {
            "post": _operation(
                "Send a request with its files", {"202": ("The job", _JOB)},
                refused=(413, 422, 429, 503),
                body=_form("request", "The request, as JSON", limits),
            ),
            "get": _operation("The jobs of this browser session", {
                "200": ("Newest first", {"type": "object", "properties": {
                    "jobs": {"type": "array", "items": _JOB}}}),
            }),
        },
        "/api/jobs/{id}": {
            "get": _operation("Where a job stands", {"200": ("The job", _JOB)}, job, (404,)),
            "delete": _operation("Stop a job and forget it", {"204": ("Done", None)}, job, (404,)),
        },
        "/api/jobs/{id}/events": {
            "get": _operation(
                "The events of a job, as they happen: state, planned, progress, preview, note, "
                "finished, failed", {"200": ("Server-sent events", "text/event-stream")},
                job, (404, 429),
            ),
        },
        "/api/jobs/{id}/stop": {
            "post": _operation("Stop after the current step, and keep what is painted",
                               {"202": ("The job", _JOB)}, job, (404,)),
        },
        "/api/jobs/{id}/resume": {
            "post": _operation("Go on with a job that was stopped", {"202": ("The job", _JOB)},
                               job, (404, 409, 429, 503)),
        },
        "/api/jobs/{id}/preview": {
            "get": _operation("The picture so far", {"200": ("A JPEG", "image/jpeg")}, job, (404,)),
        },
        "/api/jobs/{id}/result": {
            "get": _operation(
                f"The picture, or the clip. {kept}", {"200": ("The picture", "image/png")},
                [*job, _parameter("format", "query", f"{', '.join(RESULTS)}; of a clip its own"),
                 _parameter("download", "query", "present: a browser saves the file")],
                (404, 422),
            ),
        },
        "/api/jobs/{id}/code": {
            "get": _operation(
                "The job as a command and as a Python program", {"200": ("Both", {
                    "type": "object", "properties": {
                        "command": {"type": ["string", "null"]}, "python": {"type": "string"},
                        "files": {"type": "object", "description": "upload or sample → its name "
                                  "in both"}}})}, job, (404,)),
        },
        "/api/plan": {
            "post": _operation(
                "What a painting, texture or reconstruction would take, before it is sent",
                {"200": ("Sizes, steps, seconds, bytes, and the longest side that the memory of "
                         "the server allows", {"type": "object"})},
                refused=(413, 422, 429, 503),
                body={"content": {"application/json": {"schema": {
                    "type": "object", "required": ["request", "shapes"],
                    "properties": {
                        "request": {"$ref": "#/components/schemas/Request"},
                        "shapes": {"type": "object", "description": "upload → [width, height]",
                                   "additionalProperties": {"type": "array"}}}}}}},
            ),
        },
        "/api/settings": {
            "post": _operation(
                "The request in a picture that Impasto made",
                {"200": ("The request", {"type": "object", "properties": {
                    "request": {"$ref": "#/components/schemas/Request"}}})},
                refused=(413, 422, 429, 503),
                body={"content": {"multipart/form-data": {"schema": {
                    "type": "object", "required": ["picture"],
                    "properties": {"picture": {"type": "string", "format": "binary"}}}}}},
            ),
        },
        "/api/session": {
            "post": _operation(
                "Give the token once, for a cookie", {"204": ("A cookie is set", None)},
                refused=(401, 429),
                body={"content": {"application/json": {"schema": {
                    "type": "object", "required": ["token"],
                    "properties": {"token": {"type": "string"}}}}}},
            ),
        },
        "/api/about": {"get": _operation("What the server can do, and its limits",
                                         {"200": ("Facts", {"type": "object"})})},
        "/healthz": {"get": _operation("Whether the server answers",
                                       {"200": ("It does", {"type": "object"})})},
        "/readyz": {"get": _operation("Whether it takes jobs",
                                      {"200": ("It does", {"type": "object"})}, refused=(503,))},
        "/metrics": {"get": _operation("Metrics for Prometheus", {"200": ("Text", "text/plain")})},
    }  # fmt: skip


def _operation(
    summary: str,
    answers: Mapping[str, tuple[str, Any]],
    parameters: list[dict[str, Any]] | None = None,
    refused: tuple[int, ...] = (),
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status, (about, content) in answers.items():
        responses[status] = {"description": about}
        if isinstance(content, str):
            responses[status]["content"] = {content: {}}
        elif content is not None:
            responses[status]["content"] = {"application/json": {"schema": content}}
    for code in refused:
        error = {"application/json": {"schema": _ERROR}}
        responses[str(code)] = {"description": "Refused, with the reason", "content": error}
    operation: dict[str, Any] = {"summary": summary, "responses": responses}
    if parameters:
        operation["parameters"] = parameters
    if body:
        operation["requestBody"] = {"required": True, **body}
    return operation


def _parameter(name: str, place: str, about: str) -> dict[str, Any]:
    return {
        "name": name, "in": place, "required": place == "path", "description": about,
        "schema": {"type": "string"},
    }  # fmt: skip


def _form(field: str, about: str, limits: Limits) -> dict[str, Any]:
    return {
        "description": f"At most {limits.upload_bytes} bytes and {MOST_UPLOADS} files, each under "
        "the name by which the request calls it, such as content or style-1.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [field],
                    "properties": {
                        field: {
                            "description": about,
                            "$ref": "#/components/schemas/Request",
                        },
                        "format": {
                            "description": "Of a clip",
                            "type": "string",
                            "enum": list(CLIPS),
                            "default": next(iter(CLIPS)),
                        },
                    },
                    "additionalProperties": {"type": "string", "format": "binary"},
                }
            }
        },
    }


def _schemas() -> dict[str, Any]:
    styles = {"type": "array", "items": {"$ref": "#/components/schemas/Style"}}
    recipe = {"$ref": "#/components/schemas/Recipe"}
    masks = {
        "mask": {**_SOURCE, "description": "label picture of the content, one colour a region"},
        "style_mask": {**_SOURCE, "description": "label picture of the style, same colours"},
        "regions": {"type": "array", "items": {"$ref": "#/components/schemas/Region"}},
    }
    one_pass = {name: schema_of(entry) for name, entry in entries(StylizeRequest).items()}
    kinds = {
        "Paint": _request("paint", ("content", "styles"), content=_SOURCE, styles=styles,
                          recipe=recipe, **masks),
        "Stylize": _request("stylize", ("content", "styles"), content=_SOURCE, styles=styles,
                            **one_pass, **masks),
        "Texture": _request("texture", ("styles", "size"), styles=styles, recipe=recipe,
                            tileable={"type": "boolean", "default": False},
                            size={"type": "array", "items": {"type": "integer"}, "minItems": 2,
                                  "maxItems": 2, "description": "height and width"}),
        "Reconstruct": _request("reconstruct", ("content",), content=_SOURCE, recipe=recipe,
                                source={"type": "string", "enum": list(RECONSTRUCTIONS)}),
        "Video": _request("video", ("picture",), recipe={"oneOf": [recipe, {"type": "null"}]},
                          picture={"$ref": "#/components/schemas/Frames"},
                          keyframes={"type": "array",
                                     "items": {"$ref": "#/components/schemas/Keyframe"}},
                          **{name: schema_of(entry) for name, entry
                             in entries(VideoRequest).items()}),
    }  # fmt: skip
    text, number = {"type": "string"}, {"type": "number"}
    return {
        "Request": {"oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in kinds]},
        **kinds,
        "Frames": {
            **_closed({"content": _SOURCE, "styles": styles, **one_pass, **masks},
                      ("content", "styles")),
            "description": "how each frame of a clip is painted; the content is the clip",
        },
        "Keyframe": _closed({"seconds": number, "styles": styles,
                             "strength": {"type": ["number", "null"]}}, ("seconds",)),
        "Style": _closed({"source": _SOURCE, "weight": {"type": ["number", "null"]},
                          "level": {"type": "string", "enum": ["", COARSE, FINE]}}, ("source",)),
        "Region": _closed({"name": text, "content_mask": _SOURCE, "style_mask": _SOURCE,
                           "style": _SOURCE, "keep": {"type": "boolean"}},
                          ("name", "content_mask")),
        "Recipe": _closed({name: schema_of(entry) for name, entry in FIELDS.items()}, ()),
        "Job": {"type": "object", "properties": {
            "id": text, "kind": text, "created": number,
            "state": {"enum": ["queued", "running", "finished", "stopped", "failed"]},
            "place": {"type": "integer", "description": "in the queue, from 1; 0: not waiting"},
            "resumable": {"type": "boolean"}, "result": {"type": "boolean"},
            "formats": {"type": "array", "items": text},
            "events": {"type": "object", "description": "the last of every kind"},
            "notes": {"type": "array", "items": text}, "links": {"type": "object"}}},
        "Error": {"type": "object", "properties": {"error": {"type": "object", "properties": {
            "message": {"type": "string", "description": "one sentence or two, with the remedy"},
            "field": {"type": "string", "description": "the entry that is wrong, if one is"}}}}},
    }  # fmt: skip


def _request(kind: str, required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    head = {"version": {"const": VERSION}, "kind": {"const": kind}}
    return _closed({**head, **properties}, ("version", "kind", *required))


def _closed(properties: dict[str, Any], required: tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }

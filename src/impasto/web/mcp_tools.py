"""Tools for programs that speak the Model Context Protocol: list styles, stylize, paint."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.requests import Request

from impasto import __version__
from impasto.errors import ImpastoError, OptionError, unknown_name
from impasto.web.about import schema_of
from impasto.web.calls import CALLS, Call
from impasto.web.gate import CLIENT
from impasto.web.intake import Intake, address_of
from impasto.web.job import Job
from impasto.web.job_files import PREVIEW, RESULTS
from impasto.web.samples import named_styles, painting_of
from impasto.web.studio import Studio

_LIST = "list_styles"
_FORMATS = ("jpeg", "png")
_MOST_BYTES = 700_000
"""Of a picture in an answer: clients of the SDK read a mebibyte, with base64, at a time."""

_PICTURES = {"content": "content", "style_picture": "style"}
"""Argument → name of the upload."""


def manager_of(studio: Studio, intake: Intake) -> StreamableHTTPSessionManager:
    """The protocol's side of the service: every message stands for itself, without sessions.

    Args:
        studio: Does the work.
        intake: Takes jobs.
    """
    tools = _Tools(studio, intake)
    server: Server[Any] = Server(
        "impasto",
        version=__version__,
        instructions="Neural style transfer. Pictures go in and come out as base64.",
        on_list_tools=tools.listed,
        on_call_tool=tools.called,
    )
    limit = 2 * studio.limits.upload_bytes  # what comes here was counted before
    return StreamableHTTPSessionManager(server, stateless=True, max_request_body_size=limit)


class _Tools:
    def __init__(self, studio: Studio, intake: Intake) -> None:
        self._studio, self._intake = studio, intake

    async def listed(self, context: Any, params: Any) -> types.ListToolsResult:
        """The tools with their arguments."""
        about = "List the server's styles, which stylize takes by name, and paint as sample:NAME"
        first = types.Tool(name=_LIST, description=about, input_schema=_object({}, ()))
        others = [
            types.Tool(name=name, description=call.about, input_schema=_arguments(call))
            for name, call in CALLS.items()
        ]
        return types.ListToolsResult(tools=[first, *others])

    async def called(
        self, context: Any, params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        """The result of a tool: a picture, or one sentence of what is wrong."""
        try:
            if params.name == _LIST:
                return _answer(_text(json.dumps(_styles())))
            if params.name not in CALLS:
                raise unknown_name("tool", params.name, [_LIST, *CALLS])
            job, form = await self._take(CALLS[params.name], params.arguments or {}, context)
            return await self._followed(job, form, context)
        except ImpastoError as error:
            return _answer(_text(error.render(lambda name: name.replace("_", " "))), is_error=True)

    async def _take(
        self, call: Call, arguments: Mapping[str, Any], context: Any
    ) -> tuple[Job, str]:
        # Some clients send null for what is left out.
        values = {name: value for name, value in arguments.items() if value is not None}
        form = values.pop("format", _FORMATS[0])
        if form not in _FORMATS:
            raise unknown_name("format", str(form), _FORMATS)
        files = {
            upload: _decoded(values.pop(name), name)
            for name, upload in _PICTURES.items()
            if name in values
        }
        style = values.pop("style", None)
        if "content" not in files or (style is None) == ("style" not in files):
            raise OptionError("Give a content, and a style or a style_picture.")
        if unknown := sorted(values.keys() - call.entries.keys()):
            raise unknown_name("argument", unknown[0], [*_PICTURES, "style", *call.entries])
        request = call.request("upload:style" if style is None else str(style), values)
        message: Request = context.request

        async def save(name: str, path: Path) -> None:
            await asyncio.to_thread(path.write_bytes, files[name])

        job = await self._intake.take(
            json.dumps(request),
            files,
            save,
            client=message.scope[CLIENT],
            address=address_of(message),
        )
        return job, form

    async def _followed(self, job: Job, form: str, context: Any) -> types.CallToolResult:
        """The picture of a job, or what went wrong; a client that goes away stops it."""
        try:
            async for _, event, data in job.events():
                share = data.get("share")
                if event == "progress" and isinstance(share, float):
                    await context.session.report_progress(share, 1.0)
        finally:
            if not job.state.is_end:
                await asyncio.shield(self._studio.stop(job))
        if not job.formats:
            failure = job.described()["events"].get("failed", {})
            message = failure.get("message") or "It was stopped before there was a picture."
            return _answer(_text(message), is_error=True)
        form = form if form in job.formats else job.formats[0]
        name, media_type = RESULTS[form]
        whole = f"{context.request.base_url}api/jobs/{job.id}/result?format={form}"
        note = f"The whole picture: {whole}"
        if (job.folder / name).stat().st_size > _MOST_BYTES:
            name, media_type = PREVIEW, "image/jpeg"
            note = f"This is a small copy. {note}"
        file = await asyncio.to_thread((job.folder / name).read_bytes)
        picture = types.ImageContent(
            type="image", data=base64.b64encode(file).decode(), mime_type=media_type
        )
        return _answer(picture, _text(note))


def _answer(*content: Any, is_error: bool = False) -> types.CallToolResult:
    return types.CallToolResult(content=list(content), is_error=is_error)


def _text(text: str) -> types.TextContent:
    return types.TextContent(type="text", text=text)


def _styles() -> list[dict[str, str]]:
    found = [name for names in named_styles().values() for name in names]
    return [{"name": name, "sample": painting_of(name)} for name in found]


def _decoded(value: Any, name: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise OptionError(f"The {name} must be a picture file in base64.") from None


def _arguments(call: Call) -> dict[str, Any]:
    """The arguments of a tool, as a JSON schema."""
    coded = {"type": "string", "contentEncoding": "base64"}
    properties = {
        "content": {**coded, "description": "the photograph, a picture file in base64"},
        "style": {"type": "string", "description": call.style},
        "style_picture": {**coded, "description": "in place of style: a picture file in base64"},
        **{name: schema_of(entry) for name, entry in call.entries.items()},
        "format": {"type": "string", "enum": list(_FORMATS), "default": _FORMATS[0]},
    }
    return _object(properties, ("content",))


def _object(properties: dict[str, Any], required: tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }

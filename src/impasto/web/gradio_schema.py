"""The calls as Gradio's clients are told of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from impasto.runtime.fields import Entry
from impasto.web.calls import CALLS, Call
from impasto.web.settings import Limits

PREFIX = "/gradio_api"
"""Of all addresses but that of the configuration."""

RUN = "run"
"""The call that takes a request of any kind."""

_SPOKEN = "5.0.0"
"""The version of Gradio whose protocol is spoken, as far as clients need it."""

_FILE = {"title": "FileData", "type": "object", "properties": {"path": {"type": "string"}}}
_TYPES = {int: "int", float: "float", str: "str", bool: "bool", dict: "dict"}


@dataclass(frozen=True)
class _Parameter:
    name: str
    type: str
    about: str
    component: str
    default: Any = ...  # which stands for none

    def described(self) -> dict[str, Any]:
        has_default = self.default is not ...
        return {
            "label": self.name,
            "parameter_name": self.name,
            "parameter_has_default": has_default,
            "parameter_default": self.default if has_default else None,
            "type": _FILE if self.type == "filepath" else {},
            "python_type": {"type": self.type, "description": self.about},
            "component": self.component,
            "example_input": None,
        }


def _parameters(call: Call) -> list[_Parameter]:
    return [
        _Parameter("content", "filepath", "the photograph", "Image"),
        _Parameter("style", "str | filepath", call.style, "Textbox"),
        *map(_number, call.entries.values()),
    ]


def _number(entry: Entry) -> _Parameter:
    component = "Textbox" if entry.kind is str else "Number"
    return _Parameter(entry.name, _TYPES[entry.kind], entry.help, component, entry.default)


_ALL: dict[str, list[_Parameter]] = {
    **{name: _parameters(call) for name, call in CALLS.items()},
    RUN: [
        _Parameter("request", "dict", "a request as for POST /api/jobs", "JSON"),
        _Parameter("files", "dict", "name of an upload → handle_file(…)", "JSON", {}),
    ],
}
_RETURNED = _Parameter("result", "filepath", "the picture or the clip", "File")


def config(limits: Limits) -> dict[str, Any]:
    """What ``/config`` tells: components, and the calls that have them.

    Args:
        limits: Of the server.
    """
    components: list[dict[str, Any]] = []
    dependencies: list[dict[str, Any]] = []
    for number, (name, parameters) in enumerate(_ALL.items()):
        numbers = []
        for parameter in (*parameters, _RETURNED):
            numbers.append(len(components))
            components.append(
                {
                    "id": len(components),
                    "type": parameter.component.lower(),
                    "props": {"label": parameter.name},
                    "skip_api": False,
                    "api_info": parameter.described()["type"],
                }
            )
        dependencies.append(
            {
                "id": number,
                "targets": [],
                "inputs": numbers[:-1],
                "outputs": numbers[-1:],
                "backend_fn": True,
                "api_name": name,
                "api_visibility": "public",
                "queue": True,
                "cancels": [],
            }
        )
    return {
        "version": _SPOKEN,
        "protocol": "sse_v2.1",
        "api_prefix": PREFIX,
        "app_id": 0,
        "title": "Impasto",
        "connect_heartbeat": False,
        "max_file_size": limits.upload_bytes,
        "components": components,
        "dependencies": dependencies,
    }


def info() -> dict[str, Any]:
    """What ``info`` tells: the calls with their parameters and defaults."""
    return {
        "named_endpoints": {
            f"/{name}": {
                "parameters": [parameter.described() for parameter in parameters],
                "returns": [_RETURNED.described()],
                "api_visibility": "public",
                "description": CALLS[name].about if name in CALLS else "Run a request of any kind",
            }
            for name, parameters in _ALL.items()
        },
        "unnamed_endpoints": {},
    }

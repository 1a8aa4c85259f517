"""A job as a command and as a program, with the names that its files have for the client."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from impasto.jobs.as_command import as_command
from impasto.jobs.as_python import as_python
from impasto.jobs.request_json import any_from_json, to_json
from impasto.web.job import Job
from impasto.web.job_files import SUFFIX
from impasto.web.samples import sample_pictures

_LONGEST_NAME = 100
_OUTPUTS = {"texture": "texture.png", "reconstruct": "reconstruction.png"}
_OTHER_OUTPUT = "painting.png"


def shown_names(given: Mapping[str, str | None]) -> dict[str, str]:
    """What uploads are called in commands: by the names of the client's files, made harmless.

    They are only shown, and never used as names of files here.

    Args:
        given: Upload → name that the client gave with it.
    """
    shown: dict[str, str] = {}
    for upload, name in given.items():
        plain = re.split(r"[\\/]", name or "")[-1]
        plain = "".join(filter(str.isprintable, plain)).strip(" .")[-_LONGEST_NAME:]
        plain = plain or f"{upload}.png"
        stem, ending = os.path.splitext(plain)
        count = 1
        while plain in shown.values():
            count += 1
            plain = f"{stem}-{count}{ending}"
        shown[upload] = plain
    return shown


def job_as_code(job: Job) -> dict[str, Any]:
    """The command and the program, and name in the request → name of the file in both."""
    told = [name for name in job.request.files if name.endswith(SUFFIX)]
    names = shown_names(dict.fromkeys(name.removesuffix(SUFFIX) for name in told)) | job.names
    uploads = {f"{upload}{SUFFIX}": name for upload, name in names.items()}
    described = _renamed(json.loads(to_json(job.request)), uploads)
    request = any_from_json(json.dumps(described))
    output = _OUTPUTS.get(request.kind, _OTHER_OUTPUT)
    if job.output:
        output = f"painting{os.path.splitext(job.output)[1]}"
    samples = {path.name: f"sample:{name}" for name, path in sample_pictures().items()}
    files = {upload: name for upload, name in names.items() if name in request.files}
    files |= {samples[name]: name for name in request.files if name in samples}
    return {
        "command": as_command(request, output),
        "python": as_python(request, output),
        "files": files,
    }


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """JSON with the texts that are names replaced."""
    if isinstance(value, dict):
        return {key: _renamed(part, names) for key, part in value.items()}
    if isinstance(value, list):
        return [_renamed(part, names) for part in value]
    return names.get(value, value) if isinstance(value, str) else value

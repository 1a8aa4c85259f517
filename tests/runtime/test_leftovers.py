"""What killed processes leave is removed, what others are writing is not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from impasto.runtime import files
from impasto.runtime.files import atomic_write
from impasto.runtime.processes import machine_id

WRITER = """
import os, signal, sys
from pathlib import Path
from impasto.runtime.files import atomic_write
with atomic_write(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    if sys.argv[2] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.read()
"""


def writer(path: Path, how: str) -> subprocess.Popen[str]:
    """A process that is in the middle of writing a file."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), how],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    return process


def write(path: Path) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text("whole")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no SIGKILL")
def test_leftovers_of_a_killed_process_are_removed(tmp_path):
    writer(tmp_path / "a.png", "killed").communicate()
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".")
    write(tmp_path / "b.png")
    assert [path.name for path in tmp_path.iterdir()] == ["b.png"]


def test_what_another_process_is_writing_stays(tmp_path):
    process = writer(tmp_path / "a.png", "waits")
    write(tmp_path / "b.png")
    process.communicate("")  # ends the block
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]
    assert (tmp_path / "a.png").read_text() == "half"


def test_what_this_process_is_writing_stays(tmp_path):
    with atomic_write(tmp_path / "a.png") as temporary:
        temporary.write_text("a")
        files._swept.clear()
        write(tmp_path / "b.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_a_number_that_was_given_again_is_no_excuse(tmp_path):
    """As in a container that is started again, where every process has the number 1."""
    left = tmp_path / f".impasto-{machine_id()}-{os.getpid()}-0123abcd.png"
    left.touch()
    write(tmp_path / "b.png")
    assert not left.exists()


def test_leftovers_of_other_machines_are_removed_after_a_day(tmp_path):
    names = [f".impasto-ffffffff-{os.getpid()}-0123abc{n}.png" for n in "de"]
    for name in names:
        (tmp_path / name).touch()
    yesterday = time.time() - 25 * 3600
    os.utime(tmp_path / names[0], (yesterday, yesterday))
    write(tmp_path / "b.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == [names[1], "b.png"]


def test_other_hidden_files_stay(tmp_path):
    for name in (".impasto-notes.png", f".impasto-{machine_id()}-1", ".0123456789abcdef.png"):
        (tmp_path / name).touch()
    write(tmp_path / "b.png")
    assert len(list(tmp_path.iterdir())) == 4

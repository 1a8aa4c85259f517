"""Which processes are running."""

from __future__ import annotations

import os
import subprocess
import sys

from impasto.runtime.processes import is_running, machine_id


def test_this_process_and_its_parent_are_running():
    assert is_running(os.getpid())
    assert is_running(os.getppid())


def test_one_that_has_ended_is_not():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not is_running(ended.pid)


def test_no_such_numbers():
    assert not any(is_running(pid) for pid in (0, -1, 2**40))


def test_the_machine_is_the_same_in_every_process():
    program = "from impasto.runtime.processes import machine_id; print(machine_id())"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout.strip() == machine_id()
    assert len(machine_id()) == 8

"""Under a limit on the address space no library starts a thread whose stack may not fit."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from impasto.errors import InputDataError
from impasto.runtime import thread_room
from impasto.runtime.background import start_in
from impasto.runtime.memory import is_out_of_memory, memory_errors
from impasto.runtime.thread_room import ROOM_FOR_PROGRAM, fit_threads_to_address_space

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limit is enforced on Linux")

LIMITED = """
import os, resource, sys, threading, psutil
room, is_loaded = float(sys.argv[1]), sys.argv[2] == "loaded"
os.environ.update(OMP_NUM_THREADS="2", OPENBLAS_NUM_THREADS="2")
def threads():
    return len(os.listdir("/proc/self/task"))
if is_loaded:
    import torch
from impasto.runtime.thread_room import fit_threads_to_address_space
limit = int(psutil.Process().memory_info().vms + room)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
before = threads()
fit_threads_to_address_space()
import torch
def work():
    counts.append(torch.get_num_threads())
    torch.ones(2**18).add_(1)
    started.append(threads() - before)
counts, started = [], []
work()
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(*counts, *started, os.environ["OPENBLAS_NUM_THREADS"])
"""


def answers(room, state):
    """torch's threads in the main thread and in another, those started, and OpenBLAS's threads."""
    words = [sys.executable, "-c", LIMITED, str(room), state]
    answer = subprocess.run(words, capture_output=True, text=True, check=True)
    return [int(word) for word in answer.stdout.split()]


@pytest.mark.parametrize(("room", "state"), [(0.3e9, "loaded"), (1.2e9, "unloaded")])
def test_a_small_room_has_one_thread(room, state):
    assert answers(room, state) == [1, 1, 0, 1, 1]  # the second thread is the test's own


@pytest.mark.parametrize("state", ["loaded", "unloaded"])
def test_a_large_room_keeps_its_threads(state):
    first, second, started, started_by_both, openblas = answers(8e9, state)
    assert (first, second, openblas) == (2, 2, 2)
    assert 1 <= started < started_by_both


def test_no_limit_changes_nothing(monkeypatch):
    monkeypatch.setattr(thread_room, "free_address_space", lambda: float("inf"))
    monkeypatch.setattr("torch.set_num_threads", None)  # an error if it were called
    fit_threads_to_address_space()


def test_too_little_for_the_libraries_is_one_sentence(monkeypatch):
    monkeypatch.setattr(thread_room, "free_address_space", lambda: ROOM_FOR_PROGRAM - 1e7)
    monkeypatch.delitem(sys.modules, "torch")
    with pytest.raises(InputDataError, match=r"leaves 0\.84 GB, and the program takes 0\.85 GB"):
        fit_threads_to_address_space()


@pytest.mark.parametrize("megabytes", [400, 700])
def test_the_program_says_so(megabytes):
    command = f"{sys.executable} -m impasto paint a.jpg b.jpg -o c.png"
    words = f"ulimit -v {megabytes * 1000}; exec {command}"
    answer = subprocess.run(["bash", "-c", words], capture_output=True, text=True)
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert "raise the limit" in answer.stderr


def test_work_is_done_here_where_threads_do_not_fit(monkeypatch):
    monkeypatch.setattr(thread_room, "_threads_fit", False)
    with ThreadPoolExecutor(1) as pool:
        assert start_in(pool, threading.get_ident).result() == threading.get_ident()
        assert start_in(pool, lambda: 1 // 0).exception() is not None


@pytest.mark.parametrize(
    "error", [ImportError("libtiff.so.6: failed to map segment from shared object"),
              RuntimeError("can't start new thread")],
)  # fmt: skip
def test_libraries_and_threads_that_do_not_fit_are_told(error):
    assert is_out_of_memory(error)
    assert not is_out_of_memory(ImportError("No module named 'x'"))
    with pytest.raises(InputDataError, match="There is not enough memory"), memory_errors():
        raise error

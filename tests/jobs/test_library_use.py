"""Paintings of several threads and processes of one program: the pixels of single ones.

Each program runs in its own process, so that one that waits for ever fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import hashlib
import multiprocessing
import os
import sys
import threading
import warnings

import torch

import impasto
from impasto.images.samples import PAIRS

PAIR = PAIRS["tuebingen-starry-night"]
FAST = {"size": 64, "smallest": 48, "steps": 2, "final_steps": 2}
WAYS = [
    lambda: paint(),
    lambda: paint(style_loss="gaussian-ot", precision="float32"),
    lambda: paint(style_loss="sliced", seed=3),
    lambda: impasto.stylize(PAIR.content_path, PAIR.style_path, size=96),
]


def paint(**changes):
    return impasto.paint(PAIR.content_path, PAIR.style_path, **FAST, **changes)


def digest(number):
    tensor = WAYS[number]().tensor
    return hashlib.sha256(tensor.numpy().tobytes()).hexdigest()


def state():
    gradient = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
    modes = torch.get_default_dtype(), torch.get_float32_matmul_precision()
    algorithms = torch.are_deterministic_algorithms_enabled(), torch.backends.mkldnn.enabled
    random = torch.get_rng_state().sum().item()
    filters = list(map(str, warnings.filters))
    return torch.get_num_threads(), gradient, modes, algorithms, random, filters
"""

THREADS = """
torch.set_num_threads(2)
alone = list(map(digest, range(4)))  # imports add filters of warnings
before = state()
assert list(map(digest, range(4))) == alone
assert state() == before
found = {}


def work(number):
    found[number] = digest(number % 4), state()


threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert state() == before
for number in range(8):
    assert found[number] == (alone[number % 4], before), number
"""

PROCESSES = """
def later(number):
    from scipy import fft

    torch.nn.functional.conv2d(torch.ones(1, 64, 99, 99), torch.ones(64, 64, 3, 3))
    torch.linalg.eigh(torch.eye(500))
    fft.dctn(torch.ones(500, 500).numpy(), workers=2)
    return digest(number), torch.get_num_threads()


if __name__ == "__main__":
    from concurrent.futures import ProcessPoolExecutor

    warnings.simplefilter("ignore")  # Python warns of every fork of a process with threads
    alone = list(map(later, range(4)))
    context = multiprocessing.get_context(sys.argv[1])
    for _ in range(2):
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            assert list(pool.map(later, range(4))) == alone
        assert later(0) == alone[0]
"""

PLAIN_FORK = """
def check():
    from torch.nn.functional import conv2d
    image = torch.ones(1, 16, 99, 99, requires_grad=True)
    conv2d(image, torch.ones(64, 16, 3, 3)).sum().backward()
    assert image.grad.sum() > 0
    torch.ones(700, 700) @ torch.ones(700, 700)

torch.set_num_threads(2)
paint()
check()
child = os.fork()
if child == 0:
    check()
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
"""

ASYNCIO = """
import asyncio


async def main():
    jobs = [asyncio.to_thread(digest, number) for number in range(3)]
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    assert await asyncio.gather(*jobs) == alone
    ticking.cancel()
    assert ticks > 10  # the loop went on


alone = list(map(digest, range(3)))
asyncio.run(main())
"""

IMPORTING = """
assert "OMP_WAIT_POLICY" not in os.environ and "GOMP_SPINCOUNT" not in os.environ
before = state(), dict(os.environ), threading.active_count()
import impasto.jobs.run, impasto.onepass.stylizer, impasto.studies.workers, impasto.cli.main
assert (state(), dict(os.environ), threading.active_count()) == before
"""


def run(folder: Path, program: str, *arguments: str) -> None:
    script = folder / "program.py"
    script.write_text(PROGRAM + program, encoding="utf-8")
    names = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    # Two threads on any machine. Waiting threads that spin would take minutes beside other tests.
    environment |= {"OMP_NUM_THREADS": "2"}
    if program is not IMPORTING:
        environment["OMP_WAIT_POLICY"] = "passive"
    command = [sys.executable, str(script), *arguments]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert found.returncode == 0, found.stderr


@pytest.mark.slow
def test_several_threads_paint_as_one_and_change_nothing_for_each_other(tmp_path: Path) -> None:
    run(tmp_path, THREADS)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_started_after_painting_paint_as_this_one(method: str, tmp_path: Path) -> None:
    if method == "fork" and not hasattr(os, "fork"):
        pytest.skip("there are no forks on this system")
    run(tmp_path, PROCESSES, method)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks on this system")
def test_plain_torch_works_in_a_fork_after_painting(tmp_path: Path) -> None:
    run(tmp_path, PLAIN_FORK)


def test_asyncio_goes_on_while_threads_paint(tmp_path: Path) -> None:
    run(tmp_path, ASYNCIO)


def test_an_import_changes_nothing_in_the_process(tmp_path: Path) -> None:
    run(tmp_path, IMPORTING)

"""Cells of a study painted in several processes: the same pictures, and no process left behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from impasto import images
from impasto.cli.main import run
from impasto.errors import ImpastoError
from impasto.images.samples import PAIRS
from impasto.jobs.run import RunOptions
from impasto.jobs.run import run as run_request
from impasto.recipes.recipe import Recipe
from impasto.runtime import memory
from impasto.runtime.interrupts import StopRequest
from impasto.studies.study import Study, StudyRun, Sweep
from impasto.studies.workers import default_workers, paint_cells

PAIR = PAIRS["tuebingen-starry-night"]
SMALL = Recipe(size=64, smallest=64, steps=2, final_steps=2)
FOREVER = 10**6


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for name, source in (("photo.png", PAIR.content_path), ("painting.png", PAIR.style_path)):
        images.write(folder / name, images.read(source, long_side=80).tensor)
    return folder / "photo.png", folder / "painting.png"


def study(pair, folder, entry, *values):
    sweep = Sweep(entry, values, tuple(map(str, values)))
    return StudyRun(Study(SMALL.replace(final_steps=0), (sweep,)), *pair, folder)


def words(pair, *more):
    paths = [str(path) for path in pair]
    return ["compare", *paths, "--size=64", "--smallest=64", "--final-steps=0", "--quiet", *more]


def children(process=None):
    """The processes that paint; Python itself has one more, which tracks shared memory."""
    processes = (process or psutil.Process()).children()
    return [child for child in processes if "resource_tracker" not in " ".join(child.cmdline())]


def test_several_processes_give_the_same_pictures_as_one(pair, tmp_path):
    sweep = ["--steps=2", "--sweep", "tv-weight=0,4,40"]
    for workers in ("1", "3"):
        output = tmp_path / workers / "row.png"
        output.parent.mkdir()
        assert run([*words(pair, *sweep), "-o", str(output), "--workers", workers]) == 0
    for name in ("000", "001", "002"):
        one, other = (images.read(tmp_path / n / "row-cells" / f"{name}.png").tensor for n in "13")
        assert torch.equal(one, other)  # on one thread each, as all tests are
    assert not children()


def test_each_cell_is_yielded_after_it_is_saved(pair, tmp_path):
    work = study(pair, tmp_path, "tv_weight", 0.0, 1.0, 2.0)
    names = []
    for name in paint_cells(work, work.study.cells, 2, StopRequest()):
        assert work.file(name).exists()
        names.append(name)
    assert sorted(names) == ["000", "001", "002"]


def test_the_message_of_a_failed_cell_is_printed(pair, tmp_path, capsys):
    sweep = ["--steps=2", "--sweep", f"init=content,{tmp_path / 'missing.png'}"]
    code = run([*words(pair, *sweep), "-o", str(tmp_path / "row.png"), "--workers", "2"])
    assert code == 2
    error = capsys.readouterr().err
    assert "missing.png" in error
    assert len(error.strip().splitlines()) == 1
    assert not children()


def test_a_killed_process_is_reported(pair, tmp_path):
    work = study(pair, tmp_path, "steps", 1, FOREVER, FOREVER)
    painted = paint_cells(work, work.study.cells, 2, StopRequest())
    assert next(painted) == "000"
    children()[-1].kill()
    with pytest.raises(ImpastoError, match=r"signal 9.*workers"):
        next(painted)
    assert work.file("000").exists()
    assert not children()


def test_a_stop_request_ends_all_processes_and_keeps_finished_cells(pair, tmp_path):
    work = study(pair, tmp_path, "steps", 1, FOREVER, FOREVER)
    request = StopRequest()
    names = []
    for name in paint_cells(work, work.study.cells, 2, request):
        names.append(name)
        request.made = True
    assert names == ["000"]
    assert [path.name for path in tmp_path.glob("*.png")] == ["000.png"]
    others = {path.name for path in tmp_path.iterdir()} - {"000.png"}
    assert others <= {"001.png.checkpoint", "002.png.checkpoint"}  # of those that had begun
    assert not children()


PROGRAMS = {
    "module": [sys.executable, "-m", "impasto"],
    "script": [str(Path(sys.executable).with_name("impasto"))],
}


@pytest.mark.skipif(sys.platform == "win32", reason="there Ctrl-C is no signal to a group")
@pytest.mark.parametrize("program", PROGRAMS)
def test_ctrl_c_at_the_terminal(program, pair, tmp_path):
    """All processes of the terminal receive it; only the main process prints."""
    if not shutil.which(PROGRAMS[program][0]):
        pytest.skip("the program is not installed")
    sweep = ["--sweep", f"steps=1,{FOREVER},{FOREVER}", "-o", str(tmp_path / "row.png")]
    process = subprocess.Popen(
        [*PROGRAMS[program], *words(pair, *sweep), "--workers", "2"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        first = tmp_path / "row-cells" / "000.png"
        until = time.monotonic() + 120
        while not first.exists() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        painting = children(psutil.Process(process.pid))
        os.killpg(process.pid, signal.SIGINT)
        output, problems = process.communicate(timeout=120)
    finally:
        process.kill()
    assert problems == ""
    assert process.returncode == 130
    assert "stopped after 1 of 3" in output
    assert first.exists()
    assert len(painting) == 1  # and the main process
    assert psutil.wait_procs(painting, timeout=5)[1] == []


SLOW = """
import os, pathlib, sys, time
from impasto.objective.objective import Objective

gradient, calls = Objective.gradient, 0

def slow(self, image):
    global calls
    calls += 1
    if calls == 3:
        pathlib.Path(sys.argv[1], f"{os.getpid()}.begun").touch()
        until = time.monotonic() + 90
        while time.monotonic() < until:
            time.sleep(0.01)
    return gradient(self, image)

Objective.gradient = slow  # in every process: each runs this file
if __name__ == "__main__":
    from impasto.cli.main import run
    sys.exit(run(sys.argv[2:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there a signal ends a process at once")
@pytest.mark.parametrize("who", ["all", "main"])
def test_a_long_step_is_left_by_all_processes(who, pair, tmp_path):
    """Ctrl-C at the terminal, and ``kill`` of the main process alone."""
    (tmp_path / "slow.py").write_text(SLOW)
    sweep = [
        "--steps=9",
        "--sweep",
        "tv-weight=1,2",
        "-o",
        str(tmp_path / "row.png"),
        "--workers",
        "2",
    ]
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "slow.py"), str(tmp_path), *words(pair, *sweep)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 300
        while len(list(tmp_path.glob("*.begun"))) < 2 and time.monotonic() < until:
            assert process.poll() is None
            time.sleep(0.05)
        painting = children(psutil.Process(process.pid))
        began = time.monotonic()
        if who == "all":
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.send_signal(signal.SIGTERM)
        output, problems = process.communicate(timeout=80)
    finally:
        process.kill()
    assert time.monotonic() - began < 60  # the step takes 90 s
    assert problems == ""
    assert process.returncode == 130
    assert "stopped after 0 of 2" in output
    kept = {path.name for path in (tmp_path / "row-cells").iterdir()}
    assert kept == {"000.png.checkpoint", "001.png.checkpoint"}
    assert len(painting) == 1
    assert psutil.wait_procs(painting, timeout=5)[1] == []


@pytest.mark.parametrize("workers", ["0", "-1"])
def test_too_few_workers_are_refused(workers, pair, tmp_path, capsys):
    sweep = ["--sweep", "tv-weight=0,4", "-o", str(tmp_path / "row.png")]
    assert run([*words(pair, *sweep), f"--workers={workers}"]) == 2
    assert f"--workers is 1 or more, not {workers}" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("cores", "cells", "memory_budget", "expected"),
    [
        (1, 9, 1e12, 1),
        (2, 9, 1e12, 2),
        (2, 3, 1e12, 1),  # three in turn on both cores are faster than two rounds
        (2, 2, 1e12, 2),
        (16, 1, 1e12, 1),
        (16, 9, 1e12, 9),
        (64, 9, 1e12, 9),
        (64, 9, 3e9, None),
        (64, 9, 1e8, 1),
    ],
)
def test_default_number_of_workers(
    monkeypatch, pair, tmp_path, cores, cells, memory_budget, expected
):
    monkeypatch.setattr(torch, "get_num_threads", lambda: cores)
    monkeypatch.setattr(memory, "default_memory_budget", lambda: memory_budget)
    work = study(pair, tmp_path, "seed", *range(cells))
    work.device = "cpu"
    workers = default_workers(work, work.study.cells)
    assert workers == expected if expected else 1 < workers < cells


def test_cells_are_those_of_single_paintings_with_as_many_threads(pair, tmp_path):
    """In this process and in the other: one thread each, whatever the program's number is."""
    before = torch.get_num_threads()
    work = study(pair, tmp_path, "seed", 1, 2, 3, 4)
    cells = work.study.cells
    alone = [
        run_request(work.request(recipe), RunOptions(device="cpu")).finish() for _, recipe in cells
    ]
    torch.set_num_threads(2)
    try:
        assert set(paint_cells(work, cells, 2, StopRequest())) == {name for name, _ in cells}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    for (name, _), single in zip(cells, alone, strict=True):
        single.save(tmp_path / "single.png")
        files = work.file(name), tmp_path / "single.png"
        assert torch.equal(*(images.read(file).tensor for file in files))

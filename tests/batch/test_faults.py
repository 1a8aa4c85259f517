"""Workers and the whole program killed, pictures that crash, memory and disks that run out.

Each ends in the same pictures as an undisturbed batch, and in a log that says what was not made.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import tarfile
from pathlib import Path

import psutil
import pytest

from helpers.batches import entries, logs, outputs
from helpers.full_disk import files_of_at_most, needs_limits
from helpers.poison import IMPASTO, mark, poisoned_environment, waited
from impasto.batch import outputs as outputs_module

pytestmark = pytest.mark.slow


@pytest.fixture
def copy(photos, tmp_path):
    return shutil.copytree(photos, tmp_path / "photos")


@pytest.fixture
def expected(batch, copy, tmp_path):
    """What an undisturbed batch makes."""
    batch(copy, "expected")
    return outputs(tmp_path / "expected")


@pytest.fixture
def start(copy, tmp_path):
    """Starts the program over the photographs."""
    folder = tmp_path / "code"
    folder.mkdir()
    environment = {**poisoned_environment(folder), "TMPDIR": str(tmp_path / "scratch")}
    (tmp_path / "scratch").mkdir()

    def start(*words):
        command = [*IMPASTO, "batch", str(copy), "out", "--style", "great-wave", "--json", *words]
        return subprocess.Popen(
            command, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip

    return start


def finished(process):
    """Exit code, summary, and what it said on stderr."""
    out, err = process.communicate(timeout=300)
    assert "Traceback" not in err, err
    return process.returncode, json.loads(out), err


def partial_rows(out: Path) -> int:
    return sum(len(p.read_bytes().splitlines()) for p in out.glob("_batch/partial/*/rows.jsonl"))


def workers(process) -> list[psutil.Process]:
    return [child for child in psutil.Process(process.pid).children() if child.is_running()]


def test_a_worker_killed_in_mid_shard(start, copy, tmp_path, expected):
    for path in copy.rglob("*.png"):
        mark(path, "SLOW")
    process = start("--workers", "1", "--shard-size", "7")
    waited(lambda: partial_rows(tmp_path / "out") >= 3)
    (worker,) = workers(process)
    worker.kill()
    code, summary, _ = finished(process)
    assert code == 0
    assert (summary["crashes"], summary["failed"]) == (1, 0)
    assert (summary["painted"], summary["kept"]) == (7, 0)
    assert [entry["row"] for entry in entries(tmp_path / "out")] == list(range(7))
    made = outputs(tmp_path / "out")
    assert made.keys() == expected.keys()
    assert not list((tmp_path / "out" / "_batch").glob("work*"))


def test_the_program_killed_and_started_again(start, copy, tmp_path, batch):
    for path in copy.rglob("*.png"):
        mark(path, "SLOW")
    process = start("--workers", "1", "--shard-size", "3")
    out = tmp_path / "out"
    waited(lambda: logs(out) and partial_rows(out) >= 1)
    (worker,) = workers(process)
    process.kill()
    process.communicate()
    waited(lambda: not worker.is_running())  # it ends by itself
    assert not list((tmp_path / "scratch").glob("impasto-batch-*"))
    done = {path: path.stat().st_mtime_ns for path in out.rglob("*.png")}
    code, summary, err = finished(start("--workers", "1", "--shard-size", "3"))
    assert code == 0
    assert "going on with the batch" in err
    assert summary["done_before"] >= 3
    assert summary["kept"] >= 1
    assert summary["painted"] + summary["kept"] + summary["done_before"] == 7
    kept = {path: path.stat().st_mtime_ns for path in done if path.exists()}
    assert len(kept) >= 3
    assert kept.items() <= done.items()  # nothing twice
    batch(copy, "again")
    assert outputs(out) == outputs(tmp_path / "again")


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_a_signal(start, copy, tmp_path, batch, sign):
    for path in copy.rglob("*.png"):
        mark(path, "SLOW")
    process = start("--workers", "2", "--shard-size", "2")
    waited(lambda: partial_rows(tmp_path / "out") >= 1)
    process.send_signal(sign)
    code, summary, err = finished(process)
    assert code == 130
    assert summary["is_stopped"]
    assert summary["painted"] < 7
    assert "stopping after" in err
    code, summary, _ = finished(start("--workers", "2"))
    assert (code, summary["failed"]) == (0, 0)
    batch(copy, "again", shard_size=2)
    assert outputs(tmp_path / "out") == outputs(tmp_path / "again")


def test_a_picture_that_crashes_its_worker_is_given_up(start, copy, tmp_path, expected):
    mark(copy / "p2.png", "CRASH")
    code, summary, err = finished(start("--workers", "1", "--shard-size", "7"))
    assert code == 2
    assert (summary["failed"], summary["crashes"]) == (1, 3)
    assert len(err.splitlines()) == 1
    assert "ended its worker 3 times" in err
    assert not list((tmp_path / "scratch").glob("impasto-batch-*"))
    failed = [entry for entry in entries(tmp_path / "out") if entry["error"]]
    assert [entry["output"] for entry in failed] == ["p2.png"]
    made = outputs(tmp_path / "out")
    assert made == {name: content for name, content in expected.items() if name != "p2.png"}
    code, summary, _ = finished(start("--workers", "1"))
    assert (code, summary["failed_before"], summary["crashes"]) == (2, 1, 0)


def test_a_picture_that_hangs_is_given_up(start, copy, tmp_path, expected):
    mark(copy / "p2.png", "HANG")
    code, summary, err = finished(start("--workers", "1", "--shard-size", "7", "--timeout", "5"))
    assert code == 2
    assert (summary["failed"], summary["crashes"]) == (1, 3)
    assert "ended its worker 3 times" in err
    made = outputs(tmp_path / "out")
    assert made == {name: content for name, content in expected.items() if name != "p2.png"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--timeout", "0"], "--timeout must be above 0, not 0."),
        (["--timeout", "9", "--workers", "0"], "--timeout ends a worker's process, and with"),
    ],
)
def test_time_that_is_no_limit(start, words, sentence):
    process = start(*words)
    out, err = process.communicate(timeout=100)
    assert (process.returncode, out) == (2, "")
    assert sentence in err


def test_two_poisoned_pictures_beside_each_other(start, copy, tmp_path):
    mark(copy / "p1.png", "CRASH")
    mark(copy / "p2.png", "CRASH")
    code, summary, _ = finished(start("--workers", "1", "--shard-size", "7"))
    assert code == 2
    assert (summary["failed"], summary["painted"]) == (2, 5)
    assert 5 <= summary["crashes"] <= 6


def test_a_picture_that_does_not_fit_into_memory(start, copy, tmp_path, expected):
    mark(copy / "p3.png", "MEMORY")
    code, summary, err = finished(start("--workers", "2", "--shard-size", "3"))
    assert code == 2
    assert (summary["failed"], summary["painted"], summary["crashes"]) == (1, 6, 0)
    assert "not enough memory" in err
    assert outputs(tmp_path / "out").keys() == expected.keys() - {"p3.png"}


def test_a_vanished_input(batch, copy, tmp_path):
    batch(copy, shard_size=7, max_errors=0)
    for log in logs(tmp_path / "out"):
        log.unlink()
    shutil.rmtree(tmp_path / "out" / "sub")
    shutil.rmtree(copy / "sub")
    tally = batch(copy, shard_size=7)
    assert (tally.failed, tally.kept) == (2, 5)
    assert all("There is no file" in sentence for _, sentence in tally.errors)


@needs_limits
def test_a_full_disk_ends_the_batch_and_room_lets_it_go_on(batch, copy, tmp_path, expected):
    with files_of_at_most(2500):
        tally = batch(copy, shard_size=7)
    assert "could not be written" in tally.problem
    assert tally.failed == 0
    assert not logs(tmp_path / "out")
    tally = batch(copy, shard_size=7)
    assert (tally.failed, tally.problem) == (0, "")
    assert outputs(tmp_path / "out") == expected


@needs_limits
def test_a_full_scratch_disk_is_no_fault_of_a_picture(batch, copy, tmp_path):
    with tarfile.open(tmp_path / "in.tar", "w") as archive:
        archive.add(copy / "p0.png", "p0.png")
    with files_of_at_most(900):
        tally = batch(tmp_path / "in.tar")
    assert "could not be written" in tally.problem
    assert tally.failed == 0
    assert batch(tmp_path / "in.tar").painted == 1


def test_a_crash_while_pictures_take_their_places(batch, copy, tmp_path, expected, monkeypatch):
    class Killed(BaseException):
        pass

    placed = []
    rename = outputs_module._rename_new

    def some(local, target):
        if len(placed) == 4:
            raise Killed
        placed.append(target)
        rename(local, target)

    monkeypatch.setattr(outputs_module, "_rename_new", some)
    with pytest.raises(Killed):
        batch(copy, shard_size=7)
    monkeypatch.undo()
    assert len(outputs(tmp_path / "out")) == 4
    tally = batch(copy, shard_size=7)
    assert (tally.painted, tally.kept, tally.failed) == (0, 7, 0)
    assert outputs(tmp_path / "out") == expected

"""The same batches in a Ray cluster of one machine: actors, whose workers or selves are killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest

from helpers.batches import entries, logs, outputs
from helpers.poison import IMPASTO, mark, poisoned_environment, waited
from impasto.batch.ray_engine import RayEngine
from impasto.batch.rows import Template
from impasto.cli.main import run
from impasto.jobs.requests import StyleInput

pytestmark = [
    pytest.mark.ray,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A cluster with two cores, whose worker processes do as poisoned pictures say."""
    import ray

    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = poisoned_environment(tmp_path_factory.mktemp("code"))["PYTHONPATH"]
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100_000_000,
                 log_to_driver=False, logging_level="ERROR")  # fmt: skip
    try:
        yield ray
    finally:
        ray.shutdown()
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


@pytest.fixture
def copy(photos, tmp_path):
    return shutil.copytree(photos, tmp_path / "photos")


def test_an_address_without_a_cluster_is_told(photos, tmp_path, capsys):
    words = ["batch", str(photos), str(tmp_path / "out"), "--style", "scream"]
    assert run([*words, "--address", "127.0.0.1:1"]) == 2
    assert "There is no Ray cluster at 127.0.0.1:1" in capsys.readouterr().err


def test_a_cluster_gives_the_same_bytes(cluster, batch, photos, tmp_path):
    batch(photos)
    scratch = set(Path(tempfile.gettempdir()).glob("impasto-batch-*"))
    tally = batch(photos, "clustered", address="auto", workers=2)
    assert set(Path(tempfile.gettempdir()).glob("impasto-batch-*")) <= scratch
    assert (tally.painted, tally.failed, tally.crashes, tally.problem) == (7, 0, 0, "")
    assert outputs(tmp_path / "clustered") == outputs(tmp_path / "out")


def test_styles_reach_workers_that_do_not_have_their_files(cluster, batch, photos, tmp_path):
    style = tmp_path / "style.png"
    shutil.copy(photos / "p6.png" if (photos / "p6.png").exists() else photos / "p0.png", style)
    template = Template(styles=(StyleInput(str(style)),))
    batch(photos, template=template)
    hidden = []

    class Hiding(RayEngine):
        def start(self):
            style.rename(tmp_path / "hidden.png")
            hidden.append(style)
            super().start()

    import impasto.batch.ray_engine as module

    before, module.RayEngine = module.RayEngine, Hiding
    try:
        tally = batch(photos, "clustered", template=template, address="auto", workers=1)
    finally:
        module.RayEngine = before
    assert hidden
    assert (tally.painted, tally.failed) == (7, 0)
    # The style's digest is that of the same file, so even the metadata are equal.
    assert outputs(tmp_path / "clustered") == outputs(tmp_path / "out")


@pytest.mark.parametrize("which", ["worker", "actor"])
def test_killed_in_mid_shard(cluster, batch, copy, tmp_path, which, monkeypatch):
    for path in copy.rglob("*.png"):
        mark(path, "SLOW")
    killed = []
    plain = RayEngine.submit

    def submit(self, worker, task):
        plain(self, worker, task)
        if not killed:
            pids = cluster.get(self._actors[worker].pids.remote())
            killed.append(pids[which == "worker"])
            threading.Timer(0.7, os.kill, (killed[0], signal.SIGKILL)).start()

    monkeypatch.setattr(RayEngine, "submit", submit)
    tally = batch(copy, address="auto", workers=1, shard_size=7)
    assert killed
    assert (tally.failed, tally.problem) == (0, "")
    assert tally.crashes == (which == "worker")
    assert [entry["row"] for entry in entries(tmp_path / "out")] == list(range(7))
    batch(copy, "alone", shard_size=7)
    assert outputs(tmp_path / "out") == outputs(tmp_path / "alone")


def test_a_poisoned_picture_is_given_up(cluster, batch, copy, tmp_path):
    mark(copy / "p2.png", "CRASH")
    tally = batch(copy, address="auto", workers=1, shard_size=7)
    assert (tally.failed, tally.painted, tally.kept) == (1, 6, 0)
    failed = [entry["output"] for entry in entries(tmp_path / "out") if entry["error"]]
    assert failed == ["p2.png"]
    assert len(outputs(tmp_path / "out")) == 6


def test_the_program_killed_and_started_again(cluster, batch, copy, tmp_path):
    for path in copy.rglob("*.png"):
        mark(path, "SLOW")
    address = cluster.get_runtime_context().gcs_address
    command = [*IMPASTO, "batch", str(copy), "out", "--style", "great-wave", "--workers", "1",
               "--shard-size", "3", "--json", "--address", address]  # fmt: skip
    out = tmp_path / "out"
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as first:
        waited(lambda: logs(out) and list(out.glob("_batch/partial/*/rows.jsonl")))
        first.kill()
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300,
                           check=True)  # fmt: skip
    summary = json.loads(ended.stdout)
    assert summary["done_before"] >= 3
    assert (summary["failed"], summary["problem"]) == (0, "")
    assert [entry["row"] for entry in entries(out)] == list(range(7))
    batch(copy, "alone")
    assert outputs(out) == outputs(tmp_path / "alone")

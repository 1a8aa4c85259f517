"""The benchmarks run to their end and print what they promise."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

DEVICE = Path(__file__).parents[1] / "benchmarks" / "device.py"
OPTIMIZE = Path(__file__).parents[1] / "benchmarks" / "optimize.py"
SHARING = OPTIMIZE.with_name("sharing.py")


@pytest.mark.slow
def test_optimize_prints_all_rows_and_writes_complete_json(tmp_path):
    file = tmp_path / "figures.json"
    command = [sys.executable, str(OPTIMIZE), "--quick", "--json", str(file)]
    printed = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=300, check=True
    ).stdout
    rows = [
        [cell.strip() for cell in line.strip("| ").split("|")]
        for line in printed.splitlines()
        if line.startswith("|")
    ]
    steps, quality = rows[2:5], rows[7:]
    assert [row[:2] for row in steps] == [
        ["64 px", path] for path in ("textbook", "vgg19", "compact")
    ]
    assert [row[0] for row in quality] == ["textbook", "default recipe", "pyramid", "single scale"]

    figures = json.loads(file.read_text(encoding="utf-8"))
    for name in ("cpu", "cores", "threads", "torch", "dtype"):
        assert figures["environment"][name]
    assert len(figures["steps"]) == 3
    for step in figures["steps"]:
        assert len(step["all_seconds"]) == 2
        assert 0 < step["before_bytes"] <= step["peak_bytes"]
        assert min(step["seconds"], step["faster"], step["less"], step["loss"]) > 0
    textbook, ours, _ = figures["steps"]
    assert ours["loss"] == pytest.approx(textbook["loss"], rel=0.05)

    (pair,) = figures["quality"]
    assert pair["level"] < pair["start_loss"]
    for run in pair["runs"]:
        # A level is reached and reported everywhere, or nowhere.
        reached = run["best_loss"] <= pair["level"]
        for name in ("seconds_to_level", "steps_to_level", "times_run", "times_level"):
            assert (run[name] is not None) == reached
        assert 0 < run["best_loss"] <= run["final_loss"]
        assert run["steps"] == run["judged"][-1][1]
    assert pair["runs"][0]["times_level"] == 1.0


@pytest.mark.slow
def test_sharing_prints_all_rows_and_writes_complete_json(tmp_path):
    file = tmp_path / "figures.json"
    command = [sys.executable, str(SHARING), "--quick", "--policies", "--json", str(file)]
    printed = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=600, check=True
    ).stdout
    figures = json.loads(file.read_text(encoding="utf-8"))
    for name in ("cpu", "cores", "threads", "torch", "size"):
        assert figures["environment"][name]
    paintings = {row["name"]: row for row in figures["paintings"]}
    assert list(paintings) == ["alone", "alone, libgomp", "two", "three", "beside a loop"]
    assert paintings["alone"]["ratio"] == 1
    assert [row["name"].split(",")[0] for row in figures["many"]] == 3 * ["compare"] + 2 * [
        "folder"
    ]
    for row in figures["paintings"] + figures["many"]:
        assert min(row["seconds"], row["ratio"]) > 0
        assert f"| {row['name']} | {row['seconds']:.2f} | {row['ratio']:.2f} |" in printed
    for row in figures["policies"]:
        assert min(row["alone"], row["two"], row["beside"]) > 0
        assert f"| {row['policy']} |" in printed


@pytest.mark.slow
def test_device_prints_all_rows_and_writes_complete_json(tmp_path):
    file = tmp_path / "figures.json"
    command = [sys.executable, str(DEVICE), "--quick", "--device", "cpu", "--json", str(file)]
    printed = subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=300, check=True
    ).stdout
    assert "cpu: " in printed
    (device,) = json.loads(file.read_text(encoding="utf-8"))["devices"]
    assert device["ceiling"]["per_second"] > 0
    assert device["ceiling"]["dtype"] in ("float32", "bfloat16")
    names = [row["name"] for row in device["rows"]]
    assert len(names) == 5
    for row in device["rows"]:
        assert f"| {row['name']} | " in printed
        assert row["seconds"] > 0
        assert 0 < row["share"] < 2


def test_device_says_which_device_there_is_not():
    command = [sys.executable, str(DEVICE), "--quick", "--device", "nowhere"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 1
    assert result.stderr.startswith("device nowhere is not a device")
